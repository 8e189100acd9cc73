// How many of the points are drawn while the map moves: all, or fewer where the machine cannot keep up.

// Between two pictures, and of the page's own painting in each.
const SLOW_MS = 34;
const FAST_MS = 20;
const LONG_MS = 12;
const BRIEF_MS = 6;
const MOVING_MS = 200;
const FEWEST = 4000;

/** Told of each picture of a movement; `shown` says how many of `count` points the next one may have. */
export class Thinning {
  constructor(count) {
    this.count = count;
    this.shown = count;
    this.before = 0;
  }

  /** A picture is about to be drawn at `now`, in milliseconds; `took` is how long the page painted the last one, where it does. */
  next(now, took = null) {
    const gap = now - this.before;
    this.before = now;
    if (gap > MOVING_MS) return this.shown;
    const [isSlow, isFast] = took === null ? [gap > SLOW_MS, gap < FAST_MS] : [took > LONG_MS, took < BRIEF_MS];
    if (isSlow) this.shown = Math.max(Math.min(FEWEST, this.count), Math.floor(this.shown * 0.7));
    else if (isFast) this.shown = Math.min(this.count, Math.ceil(this.shown * 1.1));
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
