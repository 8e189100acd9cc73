// How many of the points are drawn while the map moves: all, or fewer where the machine cannot keep up.

// Between two pictures, and of the page's own painting in each.
const SLOW_MS = 34;
const FAST_MS = 20;
const LONG_MS = 12;
const BRIEF_MS = 6;
const MOVING_MS = 200;
const FEWEST = 4000;
// So many pictures are looked at before one is held to be slow or quick, and no more is taken away at once.
const LATELY = 3;
const MOST_LOST = 0.4;

/** Told of each picture of a movement; `shown` says how many of `count` points the next one may have. */
export class Thinning {
  constructor(count) {
    this.count = count;
    this.shown = count;
    this.before = 0;
    this.lately = [];
  }

  /** A picture is about to be drawn at `now`, in milliseconds; `took` is how long the page painted the last one, where it does. */
  next(now, took = null) {
    const gap = now - this.before;
    this.before = now;
    if (took === null && gap > MOVING_MS) { this.lately = []; return this.shown; }
    this.lately.push(took ?? gap);
    if (this.lately.length < LATELY) return this.shown;
    // The middle one: a single picture that had to wait for something else takes no points away.
    const cost = [...this.lately].sort((a, b) => a - b)[LATELY >> 1];
    const [slow, fast] = took === null ? [SLOW_MS, FAST_MS] : [LONG_MS, BRIEF_MS];
    this.lately.shift();
    if (cost > slow) this.change(Math.max(MOST_LOST, slow / cost));
    else if (cost < fast) this.change(1.1);
    return this.shown;
  }

  /** What pictures cost before tells nothing of those with fewer points. */
  change(factor) {
    if (factor < 1) this.lately = [];
    this.shown = Math.min(this.count, Math.max(FEWEST, Math.ceil(this.shown * factor)));
  }
}

/** Numbers from 0 to n - 1 in an order that has no pattern, always the same: the first of them stand for all. */
export function scattered(n) {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  let seed = 1;
  for (let i = n - 1; i > 0; i -= 1) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((seed / 2 ** 32) * (i + 1)); // of its first bits: the last ones have a pattern
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
