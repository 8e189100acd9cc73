// Which colour a song has on the map, by genre, artist, year or cluster, and what the colours mean.

// Told apart by people with any kind of colour sight as far as a dozen can be; both themes.
const PALETTE = ["#d1553b", "#2f9c95", "#7a62c9", "#c9971c", "#3d82c4", "#5a9e4b", "#c6568f", "#8b6f4e", "#4bb3d6", "#a0a33a", "#e08a5b", "#6b7fa8"].map(rgb);
const OTHERS = rgb("#968d83");
const RAMP = ["#3b3f8f", "#2f7fa8", "#2f9c95", "#8fb04a", "#e0b13a", "#e0703a"].map(rgb);
const LEGEND = PALETTE.length;

/** What songs can be coloured by. */
export const WAYS = { genre: "Genre", artist: "Artist", year: "Year", cluster: "Neighbourhood" };

/** `{group: Int32Array, groups: [{name, colour, count}]}` of a map's songs; group -1 is grey. */
export function grouped(map, way) {
  if (way === "year") return byYear(map);
  const [index, names] = { genre: [map.genre, map.genres], artist: [map.artist, map.artists], cluster: [map.cluster, null] }[way];
  const counts = new Map();
  for (const one of index) if (one >= 0) counts.set(one, (counts.get(one) ?? 0) + 1);
  const common = [...counts].sort((a, b) => b[1] - a[1]).slice(0, LEGEND);
  const place = new Map(common.map(([one], at) => [one, at]));
  return {
    group: Int32Array.from(index, (one) => place.get(one) ?? -1),
    groups: common.map(([one, count], at) => ({ name: names ? names[one] : `Neighbourhood ${one + 1}`, colour: PALETTE[at], count })),
  };
}

function byYear(map) {
  const years = map.year.filter((year) => year !== null);
  if (!years.length) return { group: new Int32Array(map.count).fill(-1), groups: [] };
  const sorted = [...years].sort((a, b) => a - b);
  const cuts = RAMP.map((_, at) => sorted[Math.floor((at * sorted.length) / RAMP.length)]);
  const firsts = [...new Set(cuts)];
  const group = Int32Array.from(map.year, (year) => (year === null ? -1 : firsts.findLastIndex((first) => first <= year)));
  const counts = firsts.map(() => 0);
  for (const at of group) if (at >= 0) counts[at] += 1;
  const last = sorted[sorted.length - 1];
  const name = (at) => { const until = at + 1 < firsts.length ? firsts[at + 1] - 1 : last; return firsts[at] === until ? String(until) : `${firsts[at]}–${until}`; };
  return { group, groups: firsts.map((_, at) => ({ name: name(at), colour: RAMP[Math.round((at * (RAMP.length - 1)) / Math.max(1, firsts.length - 1))], count: counts[at] })) };
}

/** Bytes of all points in an order: `shown` holds the groups that are switched on, or none for all. */
export function painted({ group, groups }, shown, order) {
  const bytes = new Uint8Array(group.length * 4);
  order.forEach((i, place) => {
    const at = group[i];
    const [red, green, blue] = at < 0 ? OTHERS : groups[at].colour;
    const isFaint = shown.size > 0 && !shown.has(at);
    bytes.set([red, green, blue, isFaint ? 26 : at < 0 ? 150 : 220], place * 4);
  });
  return bytes;
}

export const css = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}
