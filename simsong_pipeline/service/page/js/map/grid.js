// Which points are near a place: a grid over the map, so that few are looked at.

const SIDE = 128;
const WHOLE = 65535;

export class Grid {
  /** `xs` and `ys` from 0 to 65535. */
  constructor(xs, ys) {
    Object.assign(this, { xs, ys });
    const cells = SIDE * SIDE;
    this.starts = new Uint32Array(cells + 1);
    const cell = Uint32Array.from(xs, (x, i) => cellOf(x / WHOLE) + SIDE * cellOf(ys[i] / WHOLE));
    for (const at of cell) this.starts[at + 1] += 1;
    for (let at = 0; at < cells; at += 1) this.starts[at + 1] += this.starts[at];
    const next = this.starts.slice(0, cells);
    this.members = new Uint32Array(xs.length);
    cell.forEach((at, i) => { this.members[next[at]] = i; next[at] += 1; });
  }

  /** The nearest `most` points to (x, y), all from 0 to 1, no farther than `radius`, the nearest first; `fits(i)` says which count. */
  nearest(x, y, radius, most, fits = () => true) {
    const found = [];
    const [left, right] = [cellOf(x - radius), cellOf(x + radius)];
    for (let row = cellOf(y - radius); row <= cellOf(y + radius); row += 1) {
      for (let at = this.starts[row * SIDE + left]; at < this.starts[row * SIDE + right + 1]; at += 1) {
        const i = this.members[at];
        const far = Math.hypot(this.xs[i] / WHOLE - x, this.ys[i] / WHOLE - y);
        if (far <= radius && fits(i)) found.push([far, i]);
      }
    }
    return found.sort((one, other) => one[0] - other[0]).slice(0, most).map(([, i]) => i);
  }

  /** As `nearest`, however far they are. */
  around(x, y, most, fits = () => true) {
    for (let radius = 0.02; ; radius *= 2) {
      const found = this.nearest(x, y, radius, most, fits);
      if (found.length === most || radius > 2) return found;
    }
  }
}

function cellOf(share) {
  return Math.max(0, Math.min(SIDE - 1, Math.floor(share * SIDE)));
}
