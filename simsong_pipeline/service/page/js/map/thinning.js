// How many of the points are drawn while the map moves: all, or fewer where the machine cannot keep up.

const SLOW_MS = 34;
const FAST_MS = 20;
const MOVING_MS = 200;
const FEWEST = 4000;

/** Told of each picture of a movement; `shown` says how many of `count` points the next one may have. */
export class Thinning {
  constructor(count) {
    this.count = count;
    this.shown = count;
    this.before = 0;
  }

  /** A picture is about to be drawn at `now`, in milliseconds. */
  next(now) {
    const gap = now - this.before;
    this.before = now;
    if (gap > MOVING_MS) return this.shown;
    if (gap > SLOW_MS) this.shown = Math.max(Math.min(FEWEST, this.count), Math.floor(this.shown * 0.7));
    else if (gap < FAST_MS) this.shown = Math.min(this.count, Math.ceil(this.shown * 1.1));
    return this.shown;
  }
}

/** Numbers from 0 to n - 1 in an order that has no pattern, always the same: the first of them stand for all. */
export function scattered(n) {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  let seed = 1;
  for (let i = n - 1; i > 0; i -= 1) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = seed % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
