// Points without a graphics card: painted into a picture by the page itself, which is several times as quick as to let
// the processor play a graphics card. As `Points` to whoever uses it.

const WHOLE = 65535;
// Pixels around what is seen, so that the part of a point that is within is painted though its middle is not.
const MARGIN = 24;
// Points of less opacity are smaller: they stand back.
const FAINT = 127;

export class PlainPoints {
  /** What a picture may have of the screen's density while it moves. */
  movedDensity = 1;
  /** Milliseconds that the last picture took. */
  took = 0;
  /** Red, green and blue of what lies below the points. */
  ground = [0, 0, 0];

  constructor(canvas) {
    this.canvas = canvas;
    // Without opacity of its own: the browser then copies it to the screen, in place of laying it over what is below.
    this.pen = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.count = 0;
  }

  /** Places as 16-bit pairs x, y. */
  setPlaces(places) {
    this.places = Float32Array.from(places, (place) => place / WHOLE);
    this.count = places.length / 2;
  }

  /** Red, green, blue and opacity of each point, a byte each. */
  setColours(colours) {
    this.inks = Uint32Array.from({ length: colours.length / 4 }, (_, i) => packed(colours.subarray(4 * i, 4 * i + 3)));
    this.opacities = Uint8Array.from({ length: colours.length / 4 }, (_, i) => colours[4 * i + 3]);
  }

  /** A picture of the first `shown` points of those that are seen, in the order in which they were set. */
  draw(camera, density, size, shown = this.count) {
    const began = performance.now();
    this.fit(Math.round(camera.width * density), Math.round(camera.height * density));
    this.pixels.fill(packed(this.ground));
    this.paint(camera, density * camera.scale, size * density, shown);
    this.pen.putImageData(this.image, -MARGIN, -MARGIN);
    this.took = performance.now() - began;
  }

  fit(width, height) {
    const { canvas } = this;
    if (this.image && canvas.width === width && canvas.height === height) return;
    [canvas.width, canvas.height] = [width, height];
    this.image = this.pen.createImageData(width + 2 * MARGIN, height + 2 * MARGIN);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  paint(camera, scale, size, shown) {
    const { places, inks, opacities, pixels, image: { width, height } } = this;
    const discs = discsOf(size, width);
    const left = camera.x * scale - width / 2 - 0.5;
    const top = camera.y * scale - height / 2 - 0.5;
    for (let i = 0, painted = 0; i < this.count && painted < shown; i += 1) {
      const x = Math.floor(places[2 * i] * scale - left);
      const y = Math.floor(places[2 * i + 1] * scale - top);
      const { reach, beside, weights } = discs(opacities[i]);
      if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
      painted += 1;
      const redBlue = inks[i] & 0xff00ff;
      const green = inks[i] & 0xff00;
      const middle = y * width + x;
      for (let at = 0; at < beside.length; at += 1) {
        const place = middle + beside[at];
        const under = pixels[place];
        const weight = weights[at];
        // Two colours at once, of 8 bits each with 8 bits between them; weights are of 256.
        const mixed = (Math.imul(under & 0xff00ff, 256 - weight) + Math.imul(redBlue, weight)) >>> 8;
        const mixedGreen = ((under & 0xff00) * (256 - weight) + green * weight) >>> 8;
        pixels[place] = 0xff000000 | (mixed & 0xff00ff) | (mixedGreen & 0xff00);
      }
    }
  }

  close() {
    this.image = this.pixels = null;
  }
}

/** A colour as pictures have it: its bytes are red, green, blue and an opacity of all. */
function packed([red, green, blue]) {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/** For each opacity, 0 to 255, what a point of a diameter covers in a picture of a width. */
function discsOf(size, width) {
  const whole = disc(size, width);
  const small = disc(size * 0.7, width);
  const known = [];
  return (opacity) => {
    known[opacity] ??= weighted(opacity > FAINT ? whole : small, opacity);
    return known[opacity];
  };
}

function weighted({ reach, beside, cover }, opacity) {
  return { reach, beside, weights: Int32Array.from(cover, (share) => Math.round((share * opacity * 256) / 255)) };
}

/** The pixels of a point: where they lie beside its middle, and how much of each is covered. */
function disc(size, width) {
  const reach = Math.min(MARGIN, Math.ceil(size / 2));
  const found = [];
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) {
      const cover = Math.min(1, size / 2 + 0.5 - Math.hypot(dx, dy));
      if (cover > 0.02) found.push([dy * width + dx, cover]);
    }
  }
  return { reach, beside: Int32Array.from(found, ([at]) => at), cover: Float32Array.from(found, ([, cover]) => cover) };
}
