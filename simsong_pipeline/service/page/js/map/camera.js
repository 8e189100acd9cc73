// Where one looks at the map: a centre and a zoom, in units of the whole map (0 to 1, y downward).

const MOST = 400;
const LEAST = 0.6;
const FILLED = 0.88;

export class Camera {
  /** `bounds` are left, top, right and bottom of what there is. */
  constructor(bounds) {
    this.bounds = bounds;
    this.width = this.height = 1;
    this.reset();
  }

  /** Look at everything. */
  reset() {
    const [left, top, right, bottom] = this.bounds;
    [this.x, this.y] = [(left + right) / 2, (top + bottom) / 2];
    const side = Math.min(this.width, this.height);
    const [wide, high] = [Math.max(right - left, 0.01) * side, Math.max(bottom - top, 0.01) * side];
    this.zoom = clamp(FILLED * Math.min(this.width / wide, this.height / high), LEAST, MOST);
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
