// Search as you type: a field with a list below, as the ARIA pattern for comboboxes has it.

import { coverOf, get, latest, wasCancelled } from "../api.js";
import { fill, freshId, h } from "../dom.js";
import { icon } from "../icons.js";
import { count } from "../format.js";
import { announce } from "../notices.js";

const WAIT_MS = 120;
const KINDS = { songs: "Songs", artists: "Artists", albums: "Albums" };

/** A field that finds. `choose({kind, id, name, row})` is called with what was picked; `kinds` says what is looked for. */
export class Finder {
  constructor({ label, placeholder, kinds = ["songs", "artists", "albums"], choose, enter = null }) {
    Object.assign(this, { kinds, choose, enter, options: [], at: -1, ask: latest(), timer: 0 });
    const id = freshId("found");
    this.list = h("div", { class: "found", role: "listbox", id, "aria-label": `${label}: results`, hidden: true });
    this.input = h("input", {
      type: "search", role: "combobox", "aria-label": label, placeholder, autocomplete: "off", spellcheck: "false", "aria-autocomplete": "list",
      "aria-expanded": "false", "aria-controls": id,
      on: { input: () => this.typed(), keydown: (event) => this.key(event), focus: () => this.input.value && this.options.length && this.open(), blur: () => this.close() },
    });
    this.element = h("div", { class: "finder" }, icon("search"), this.input, this.list);
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(), WAIT_MS);
  }

  async search() {
    const words = this.input.value.trim();
    if (!words) { this.options = []; this.close(); return; }
    try {
      this.show(words, await this.ask((signal) => get(["search"], { q: words, limit: this.kinds.length > 1 ? 6 : 10 }, signal)));
    } catch (error) {
      if (wasCancelled(error)) return;
      fill(this.list, h("p", { class: "nothing", role: "alert" }, error.message));
      this.open();
    }
  }

  show(words, answer) {
    this.options = [];
    const groups = this.kinds.filter((kind) => answer[kind].items.length).map((kind) => this.group(kind, answer[kind].items));
    this.at = -1;
    fill(this.list, groups.length ? groups : h("p", { class: "nothing" }, `Nothing is called “${words}” here.`));
    announce(groups.length ? `${count(this.options.length, "result")}, arrow keys to choose` : "Nothing found");
    this.open();
  }

  group(kind, items) {
    const title = freshId("kind");
    return h("div", { role: "group", "aria-labelledby": title },
      h("div", { class: "kind", id: title }, KINDS[kind]),
      items.map((row) => this.option(kind, row)));
  }

  option(kind, row) {
    const one = { kind: kind.slice(0, -1), id: row.id, name: row.title ?? row.name, row };
    const element = h("div", { role: "option", id: freshId("option"), "aria-selected": "false", dataset: { kind: one.kind, id: row.id },
      on: { pointerdown: (event) => event.preventDefault(), click: () => this.pick(one) } },
    h("img", { src: coverOf(kind, row.id), alt: "", loading: "lazy", width: 40, height: 40 }),
    h("div", { class: "names" }, h("div", { class: "cut" }, one.name), h("div", { class: "cut soft small" }, about(kind, row))));
    this.options.push({ ...one, element });
    return element;
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.options.length) { event.preventDefault(); this.open(); this.mark(this.at + step); }
    else if (event.key === "Enter") { event.preventDefault(); this.enterPressed(); }
    else if (event.key === "Escape") { if (!this.list.hidden) { event.preventDefault(); this.close(); } }
  }

  async enterPressed() {
    if (this.at < 0 && this.input.value.trim()) { clearTimeout(this.timer); if (this.enter) { this.close(); this.enter(this.input.value.trim()); return; } await this.search(); }
    const one = this.options[Math.max(this.at, 0)];
    if (one) this.pick(one);
  }

  mark(at) {
    this.at = (at + this.options.length) % this.options.length;
    this.options.forEach(({ element }, i) => element.setAttribute("aria-selected", String(i === this.at)));
    const { element } = this.options[this.at];
    element.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", element.id);
  }

  pick(one) {
    this.close();
    this.choose(one);
  }

  /** Forget what was typed, and leave. */
  clear() {
    this.input.value = "";
    this.options = [];
    this.input.blur();
  }

  open() {
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
  }

  close() {
    this.list.hidden = true;
    this.at = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.options.forEach(({ element }) => element.setAttribute("aria-selected", "false"));
  }
}

function about(kind, row) {
  if (kind === "songs") return [row.artist, row.album].filter(Boolean).join(" · ");
  if (kind === "artists") return count(row.songs, "song");
  return [row.artist, row.year].filter(Boolean).join(" · ");
}
