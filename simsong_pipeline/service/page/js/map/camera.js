// Where one looks at the map: a centre and a zoom, in units of the whole map (0 to 1, y downward).

const MOST = 400;
const LEAST = 0.6;

export class Camera {
  constructor() {
    this.reset();
    this.width = this.height = 1;
  }

  reset() {
    this.x = this.y = 0.5;
    this.zoom = 0.92;
  }

  /** Pixels that one whole map is wide. */
  get scale() {
    return Math.min(this.width, this.height) * this.zoom;
  }

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  toMap(left, top) {
    return [(left - this.width / 2) / this.scale + this.x, (top - this.height / 2) / this.scale + this.y];
  }

  pan(dx, dy) {
    this.x = clamp(this.x - dx / this.scale, -0.2, 1.2);
    this.y = clamp(this.y - dy / this.scale, -0.2, 1.2);
  }

  /** Nearer or farther by a factor; what is under the pixel stays there. */
  zoomAt(left, top, factor) {
    const [x, y] = this.toMap(left, top);
    this.zoom = clamp(this.zoom * factor, LEAST, MOST);
    const [after, below] = this.toMap(left, top);
    this.x = clamp(this.x + x - after, -0.2, 1.2);
    this.y = clamp(this.y + y - below, -0.2, 1.2);
  }
}

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
