// Where the name of a group stands on the map: amid its songs, where these lie together.

const WHOLE = 65535;
const APART = 0.09;
const TOGETHER = 0.24;

/** Names with places, the largest groups first; none for a group that lies everywhere, and none upon another. */
export function labelsOf({ group, groups }, { x, y }) {
  const placed = [];
  groups.forEach(({ name, colour }, at) => {
    const members = indicesOf(group, at);
    const [left, top] = [median(members, x), median(members, y)];
    const spread = medianOf(members.map((i) => Math.hypot(x[i] / WHOLE - left, y[i] / WHOLE - top)));
    const isFree = placed.every((other) => Math.hypot(other.x - left, other.y - top) > APART);
    if (spread < TOGETHER && isFree) placed.push({ name, colour, x: left, y: top });
  });
  return placed;
}

function indicesOf(group, at) {
  const found = [];
  group.forEach((one, i) => { if (one === at) found.push(i); });
  return found;
}

const median = (members, values) => medianOf(members.map((i) => values[i] / WHOLE));

function medianOf(values) {
  const sorted = values.sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0.5;
}
