// Points on the graphics card (WebGL2): places once, colours when they change, a picture when one looks elsewhere.

const VERTEX = `#version 300 es
in vec2 place;
in vec4 colour;
uniform vec2 centre, spread;
uniform float size;
out vec4 shade;
void main() {
  gl_Position = vec4((place - centre) * spread, 0.0, 1.0);
  gl_PointSize = size * (colour.a > 0.5 ? 1.0 : 0.7);
  shade = colour;
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 shade;
out vec4 drawn;
void main() {
  float far = length(gl_PointCoord - 0.5) * 2.0;
  float alpha = shade.a * (1.0 - smoothstep(0.75, 1.0, far));
  drawn = vec4(shade.rgb * alpha, alpha);
}`;

export class Points {
  /** As of `PlainPoints`; how long a picture takes is known to the card alone. */
  movedDensity = 2;
  took = null;
  ground = [0, 0, 0];

  /** Throws where the browser has no WebGL2. */
  constructor(canvas) {
    this.gl = canvas.getContext("webgl2", { antialias: false, alpha: false });
    if (!this.gl) throw new Error("this browser has no WebGL2");
    this.canvas = canvas;
    this.count = 0;
    this.build();
  }

  build() {
    const { gl } = this;
    const program = gl.createProgram();
    gl.attachShader(program, compiled(gl, gl.VERTEX_SHADER, VERTEX));
    gl.attachShader(program, compiled(gl, gl.FRAGMENT_SHADER, FRAGMENT));
    gl.bindAttribLocation(program, 0, "place");
    gl.bindAttribLocation(program, 1, "colour");
    gl.linkProgram(program);
    gl.useProgram(program);
    this.uniforms = Object.fromEntries(["centre", "spread", "size"].map((name) => [name, gl.getUniformLocation(program, name)]));
    this.buffers = [gl.createBuffer(), gl.createBuffer()];
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  /** Places as 16-bit pairs x, y. */
  setPlaces(places) {
    const { gl } = this;
    this.count = places.length / 2;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[0]);
    gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.UNSIGNED_SHORT, true, 0, 0);
  }

  /** Red, green, blue and opacity of each point, a byte each. */
  setColours(colours) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[1]);
    gl.bufferData(gl.ARRAY_BUFFER, colours, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
  }

  /** A picture of the first `shown` points, in the order in which they were set. */
  draw(camera, density, size, shown = this.count) {
    const { gl, canvas } = this;
    const [width, height] = [Math.round(camera.width * density), Math.round(camera.height * density)];
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    gl.viewport(0, 0, width, height);
    gl.clearColor(...this.ground.map((one) => one / 255), 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(this.uniforms.centre, camera.x, camera.y);
    gl.uniform2f(this.uniforms.spread, (2 * camera.scale) / camera.width, (-2 * camera.scale) / camera.height);
    gl.uniform1f(this.uniforms.size, size * density);
    gl.drawArrays(gl.POINTS, 0, shown);
  }

  /** Give the memory of the graphics card back. */
  close() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

function compiled(gl, kind, source) {
  const shader = gl.createShader(kind);
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
  return shader;
}
