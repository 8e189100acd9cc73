// The map that is looked at: canvas, names, and what fingers, mouse and keys do to it.

import { fill, h } from "../dom.js";
import { Camera } from "./camera.js";
import { css, painted } from "./colours.js";
import { Grid } from "./grid.js";
import { painterOf } from "./painter.js";
import { scattered, Thinning } from "./thinning.js";

const WHOLE = 65535;
const NEAR_PX = 18;
const STEP_PX = 60;
const WHEEL = 0.0016;
const CLICK_PX = 5;
// After the last movement: all points are drawn, and what lies in the middle is told.
const RESTED_MS = 150;
const SETTLED_MS = 300;

export class Board {
  /** `open(i)` at a click or Enter, `moved()` once one looks elsewhere. */
  constructor(map, { open, moved }) {
    Object.assign(this, { map, open, moved, shown: new Set(), pointers: new Map(), timers: [], isDue: false, travelled: 0 });
    this.canvas = h("canvas", { tabindex: "0", role: "application", "aria-label": "Map of all songs", "aria-describedby": "map-keys" });
    this.names = h("div", { class: "map-names", "aria-hidden": "true" });
    this.tip = h("div", { class: "map-tip", hidden: true, "aria-hidden": "true" });
    this.element = h("div", { class: "map-box" }, this.canvas, this.names, h("span", { class: "map-cross", hidden: true }), this.tip);
    this.camera = new Camera(boundsOf(map));
    this.points = painterOf(this.canvas);
    this.grid = new Grid(map.x, map.y);
    this.order = scattered(map.count);
    this.thinning = new Thinning(map.count);
    this.points.setPlaces(interleaved(map, this.order));
    this.listen();
  }

  listen() {
    const { canvas } = this;
    this.observer = new ResizeObserver(() => { this.fit(); });
    this.observer.observe(this.element);
    this.themes = new MutationObserver(() => { this.ground(); this.changed(); });
    this.themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const on = (name, act, options) => canvas.addEventListener(name, act, options);
    on("wheel", (event) => { event.preventDefault(); this.camera.zoomAt(event.offsetX, event.offsetY, Math.exp(-event.deltaY * WHEEL)); this.changed(); }, { passive: false });
    on("pointerdown", (event) => this.pressed(event));
    on("pointermove", (event) => this.pointed(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, (event) => this.released(event));
    on("pointerleave", (event) => { if (event.pointerType === "mouse") this.say(null); }); // a finger leaves as soon as it is lifted
    on("keydown", (event) => this.key(event));
    on("focus", () => { this.cross.hidden = !canvas.matches(":focus-visible"); });
    on("blur", () => { this.cross.hidden = true; });
  }

  get cross() {
    return this.element.querySelector(".map-cross");
  }

  fit() {
    if (!this.element.isConnected) return; // taken out of the page: it has no size and no colours
    const isFirst = this.camera.width === 1;
    this.camera.width = this.element.clientWidth || 1;
    this.camera.height = this.element.clientHeight || 1;
    if (isFirst) this.camera.reset();
    this.ground();
    this.changed();
    if (isFirst) this.draw(this.map.count, 2); // now: until something is drawn, a canvas without opacity is black
  }

  /** Points are painted upon the colour that lies below the map. */
  ground() {
    this.points.ground = getComputedStyle(this.element).backgroundColor.match(/\d+/g).slice(0, 3).map(Number);
  }

  colour(groups) {
    this.groups = groups;
    this.shown.clear();
    this.paint();
  }

  paint() {
    this.points.setColours(painted(this.groups, this.shown, this.order));
    this.changed();
  }

  /** Draw with the next picture of the screen. */
  changed() {
    this.timers.forEach(clearTimeout);
    this.timers = [setTimeout(() => this.draw(this.map.count, 2), RESTED_MS), setTimeout(this.moved, SETTLED_MS)];
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame((now) => { this.isDue = false; this.draw(this.thinning.next(now, this.points.took), this.points.movedDensity); });
  }

  /** All points where nothing moves, and as many as the machine can draw while something does. */
  draw(shown, most) {
    this.canvas.dataset.shown = shown;
    this.points.draw(this.camera, Math.min(devicePixelRatio, most), this.size(), shown);
    this.placeNames();
  }

  size() {
    const crowd = Math.sqrt(this.map.count / 1000);
    return Math.max(2.5, Math.min(18, (9 / Math.max(1, crowd ** 0.8)) * Math.sqrt(this.camera.zoom)));
  }

  placeNames() {
    this.labels ??= [];
    for (const { element, x, y } of this.labels) {
      const [left, top] = this.camera.toScreen(x, y);
      element.style.transform = `translate(${left}px, ${top}px) translate(-50%, -50%)`;
    }
  }

  /** Names of groups where most of each lies; not for groups that lie everywhere. */
  label(groups) {
    this.labels = groups.map(({ name, x, y, colour }) => ({ x, y, element: h("span", { style: { color: css(colour) } }, h("b", { class: "label-ink" }, name)) }));
    fill(this.names, this.labels.map(({ element }) => element));
    this.changed();
  }

  isShown(i) {
    return this.shown.size === 0 || this.shown.has(this.groups.group[i]);
  }

  at(left, top) {
    const [x, y] = this.camera.toMap(left, top);
    return this.grid.nearest(x, y, NEAR_PX / this.camera.scale, 1, (i) => this.isShown(i))[0] ?? null;
  }

  /** Songs nearest to the middle of what is seen. */
  around(most) {
    return this.grid.around(this.camera.x, this.camera.y, Math.min(most, this.map.count), (i) => this.isShown(i));
  }

  pressed(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size === 1) this.travelled = 0;
  }

  pointed(event) {
    const former = this.pointers.get(event.pointerId);
    if (!former) { if (event.pointerType === "mouse") this.say(this.at(event.offsetX, event.offsetY)); return; }
    const [dx, dy] = [event.offsetX - former.offsetX, event.offsetY - former.offsetY];
    if (this.pointers.size === 2) this.pinch(event, former);
    else this.camera.pan(dx, dy);
    this.travelled += Math.hypot(dx, dy);
    this.canvas.classList.toggle("dragged", this.travelled > CLICK_PX);
    this.pointers.set(event.pointerId, event);
    if (this.travelled > CLICK_PX) this.say(null);
    this.changed();
  }

  pinch(event, former) {
    const other = [...this.pointers.values()].find((one) => one.pointerId !== event.pointerId);
    const apart = (one) => Math.hypot(one.offsetX - other.offsetX, one.offsetY - other.offsetY);
    this.camera.zoomAt((event.offsetX + other.offsetX) / 2, (event.offsetY + other.offsetY) / 2, apart(event) / Math.max(1, apart(former)));
  }

  released(event) {
    const isClick = this.pointers.size === 1 && this.travelled <= CLICK_PX && event.type === "pointerup";
    this.pointers.delete(event.pointerId);
    this.canvas.classList.remove("dragged");
    const i = isClick ? this.at(event.offsetX, event.offsetY) : null;
    if (i === null) return;
    if (event.pointerType === "mouse" || this.told === i) this.open(i);
    else this.say(i); // a finger covers what it points at: the first touch names it
  }

  key(event) {
    const { camera } = this;
    const [middle, half] = [camera.width / 2, camera.height / 2];
    const acts = {
      ArrowLeft: () => camera.pan(STEP_PX, 0), ArrowRight: () => camera.pan(-STEP_PX, 0), ArrowUp: () => camera.pan(0, STEP_PX), ArrowDown: () => camera.pan(0, -STEP_PX),
      "+": () => camera.zoomAt(middle, half, 1.4), "=": () => camera.zoomAt(middle, half, 1.4), "-": () => camera.zoomAt(middle, half, 1 / 1.4), 0: () => camera.reset(),
      Enter: () => { const [i] = this.around(1); if (i !== undefined) this.open(i); },
    };
    if (!acts[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    acts[event.key]();
    this.changed();
  }

  /** Name a song beside its point. */
  say(i) {
    this.told = i;
    this.tip.hidden = i === null;
    if (i === null) return;
    const { map, camera, tip } = this;
    fill(tip, h("strong", {}, map.titles[i]), map.artists[map.artist[i]] ?? "", map.year[i] ? ` · ${map.year[i]}` : "");
    const [left, top] = camera.toScreen(map.x[i] / WHOLE, map.y[i] / WHOLE);
    const x = Math.max(6, Math.min(left + 12, camera.width - tip.offsetWidth - 6));
    const y = top + tip.offsetHeight + 16 > camera.height ? top - tip.offsetHeight - 10 : top + 12;
    tip.style.transform = `translate(${x}px, ${y}px)`;
  }

  close() {
    this.timers.forEach(clearTimeout);
    this.observer.disconnect();
    this.themes.disconnect();
    this.points.close();
  }
}

/** Left, top, right and bottom of nearly all points: a few that lie apart do not make the others small. */
function boundsOf({ x, y }) {
  const ends = (values) => {
    const sorted = Uint16Array.from(values).sort();
    const at = (share) => sorted[Math.floor(share * (sorted.length - 1))] / WHOLE;
    return [at(0.005), at(0.995)];
  };
  const [[left, right], [top, bottom]] = [ends(x), ends(y)];
  return [left, top, right, bottom];
}

function interleaved({ x, y }, order) {
  const places = new Uint16Array(x.length * 2);
  order.forEach((i, at) => { places[2 * at] = x[i]; places[2 * at + 1] = y[i]; });
  return places;
}
