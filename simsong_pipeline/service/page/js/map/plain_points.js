// Points without a graphics card: painted into a picture by the page itself, which is several times as quick as to let
// the processor play a graphics card. As `Points` to whoever uses it.

const WHOLE = 65535;

export class PlainPoints {
  /** What a picture may have of the screen's density while it moves. */
  movedDensity = 1;
  /** Milliseconds that the last picture took. */
  took = 0;

  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
    this.count = 0;
  }

  /** Places as 16-bit pairs x, y. */
  setPlaces(places) {
    this.places = Float32Array.from(places, (place) => place / WHOLE);
    this.count = places.length / 2;
  }

  /** Red, green, blue and opacity of each point, a byte each. */
  setColours(colours) {
    this.colours = colours;
  }

  /** A picture of the first `shown` points, in the order in which they were set. */
  draw(camera, density, size, shown = this.count) {
    const { canvas } = this;
    const began = performance.now();
    const [width, height] = [Math.round(camera.width * density), Math.round(camera.height * density)];
    if (!this.image || canvas.width !== width || canvas.height !== height) {
      [canvas.width, canvas.height] = [width, height];
      this.image = this.pen.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.pixels.fill(0);
    this.paint(camera, density * camera.scale, [disc(size * density), disc(size * density * 0.7)], shown);
    this.pen.putImageData(this.image, 0, 0);
    this.took = performance.now() - began;
  }

  paint(camera, scale, [disc, faintDisc], shown) {
    const { places, colours, pixels, image: { width, height } } = this;
    const [left, top] = [camera.x * scale - width / 2, camera.y * scale - height / 2];
    for (let i = 0; i < shown; i += 1) {
      const [x, y] = [Math.round(places[2 * i] * scale - left), Math.round(places[2 * i + 1] * scale - top)];
      const alpha = colours[4 * i + 3];
      const { dx, dy, cover, reach } = alpha > 127 ? disc : faintDisc;
      if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
      const [red, green, blue] = [colours[4 * i], colours[4 * i + 1], colours[4 * i + 2]];
      for (let at = 0; at < cover.length; at += 1) {
        const place = (y + dy[at]) * width + x + dx[at];
        pixels[place] = over(pixels[place], red, green, blue, alpha * cover[at]);
      }
    }
  }

  close() {
    this.image = this.pixels = null;
  }
}

/** A colour of an opacity, 0 to 255, upon a pixel as pictures have it: its bytes are red, green, blue and opacity. */
function over(under, red, green, blue, alpha) {
  if (under === 0) return (alpha << 24) | (blue << 16) | (green << 8) | red;
  const whole = alpha + (under >>> 24) * (1 - alpha / 255);
  const share = alpha / whole;
  const r = under & 255;
  const g = (under >>> 8) & 255;
  const b = (under >>> 16) & 255;
  return (whole << 24) | ((b + (blue - b) * share) << 16) | ((g + (green - g) * share) << 8) | (r + (red - r) * share);
}

/** The pixels of a point of a diameter: where they lie beside its middle, and how much of each is covered. */
function disc(size) {
  const reach = Math.ceil(size / 2);
  const found = [];
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) {
      const cover = Math.min(1, size / 2 + 0.5 - Math.hypot(dx, dy));
      if (cover > 0.02) found.push([dx, dy, cover]);
    }
  }
  return { reach, dx: Int32Array.from(found, ([dx]) => dx), dy: Int32Array.from(found, ([, dy]) => dy), cover: Float32Array.from(found, ([, , cover]) => cover) };
}
