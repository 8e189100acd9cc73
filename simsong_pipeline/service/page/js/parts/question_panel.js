// A question that is asked anew while it is steered: weight, filters, and the songs that answer.

import { question as ask, latest, wasCancelled } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { count } from "../format.js";
import { changes, service } from "../library.js";
import { announce } from "../notices.js";
import { player } from "../player/player.js";
import { remember } from "../router.js";
import { saveRecipe } from "./add_to_playlist.js";
import { countOf, filterForm, filtersOf } from "./filters.js";
import { SongList } from "./song_list.js";
import { lengthOf } from "./song_row.js";
import { empty, loading, problem } from "./states.js";
import { weightSlider } from "./weight.js";
import { whyPanel } from "./why.js";

const WAIT_MS = 70;
const K = 20;
const MOST = 200;

/**
 * A panel over a question of the kind `similar`, `path` or `about`.
 *
 * `base()` gives what the view itself asks; `query` is the address's. Further: `label`, `name()` for a saved list, `first` the song
 * that others are compared with in "why", `hasWeight`, `filters` (what it takes besides), `k` (whether more can be asked),
 * `entries(song)` and `keep` (names of the address that the view owns).
 */
export class QuestionPanel {
  constructor(options) {
    Object.assign(this, { hasWeight: true, filters: ["diversity", "exclude_artist"], isOpenEnded: true, keep: {}, ...options });
    this.weight = this.query.get("audio_weight") === null ? null : Number(this.query.get("audio_weight"));
    this.values = filtersOf(this.query);
    this.k = Number(this.query.get("k")) || K;
    this.latest = latest();
    this.timer = 0;
    this.listening = new AbortController();
    changes.addEventListener("never", () => this.ask(), { signal: this.listening.signal });
    this.list = new SongList(this.label, { isPlain: this.isPlain, why: this.first || this.whyOf ? (song, row, button) => this.why(song, row, button) : null, hasWhy: this.hasWhy, entries: this.entries });
    this.build();
    this.ask();
  }

  build() {
    this.told = h("p", { class: "soft small", role: "status" });
    this.nothing = h("div", {}, loading());
    this.more = h("button", { type: "button", class: "button", hidden: true, on: { click: () => { this.k = Math.min(MOST, this.k + K); this.changed(); } } }, "More songs");
    this.opener = h("button", { type: "button", class: "button", "aria-expanded": "false", on: { click: () => this.toggleFilters() } });
    this.form = null;
    this.steer = h("div", { class: "panel steer" },
      this.hasWeight ? weightSlider(this.weight, (weight) => { this.weight = weight; this.changed(); }) : h("span", {}),
      h("div", { class: "row" }, this.filters.includes("exclude_artist") && this.others(), this.opener, this.button("play", "Play all", () => player.play(this.list.songs), "first"),
        !service.readOnly && this.button("save", "Save", () => saveRecipe(this.kind, this.question(), this.name()))));
    this.element = h("section", { class: "block", "aria-label": this.label }, h("div", { class: "heading" }, h("div", {}, h("h2", {}, this.label), this.told)), this.steer, this.nothing, this.list.element, this.more);
    this.showCount();
  }

  /** The filter that is wanted most, at hand. */
  others() {
    const chip = h("button", { type: "button", class: "button", "aria-pressed": "false", on: { click: () => {
      if (this.values.exclude_artist) delete this.values.exclude_artist; else this.values.exclude_artist = true;
      this.changed();
    } } }, "Other artists");
    this.othersChip = chip;
    return chip;
  }

  button(sign, words, act, more = "") {
    return h("button", { type: "button", class: `button ${more}`, on: { click: act } }, icon(sign), words);
  }

  toggleFilters() {
    if (!this.form) {
      this.form = filterForm(this.values, () => this.changed(), this.filters);
      this.steer.append(this.form);
    } else {
      this.form.hidden = !this.form.hidden;
    }
    this.showCount();
  }

  showCount() {
    const active = countOf(this.values);
    fill(this.opener, icon("sliders"), "Filters", active > 0 && h("span", { class: "count", "aria-label": `${active} in use` }, String(active)));
    this.othersChip?.setAttribute("aria-pressed", String(Boolean(this.values.exclude_artist)));
    this.othersChip?.classList.toggle("on", Boolean(this.values.exclude_artist));
    this.opener.setAttribute("aria-expanded", String(Boolean(this.form && !this.form.hidden)));
  }

  /** What is asked: the view's own part, the weight, the filters. */
  question() {
    const weight = this.hasWeight && this.weight !== null ? { audio_weight: this.weight } : {};
    const k = this.isOpenEnded ? { k: this.k } : {};
    return { ...this.base(), ...weight, ...this.values, ...k };
  }

  /** Ask again, soon; a question that is on its way is given up. */
  changed() {
    this.showCount();
    this.rememberIt();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT_MS);
  }

  rememberIt() {
    const query = new URLSearchParams(this.keep);
    if (this.weight !== null) query.set("audio_weight", this.weight);
    if (this.k !== K && this.isOpenEnded) query.set("k", this.k);
    for (const [name, value] of Object.entries(this.values)) for (const one of [value].flat()) if (one !== undefined) query.append(name, one);
    remember(query);
  }

  async ask() {
    this.list.element.classList.add("busy");
    try {
      this.show(await this.latest((signal) => ask([this.kind], this.question(), signal)));
    } catch (error) {
      if (wasCancelled(error)) return;
      this.list.update([]);
      this.told.textContent = "";
      fill(this.nothing, problem(error, () => this.ask()));
    }
    this.list.element.classList.remove("busy");
  }

  show(answer) {
    this.answer = answer;
    this.list.update(answer.songs);
    const said = answer.songs.length ? `${count(answer.songs.length, "song")}, ${lengthOf(answer.songs)}` : "";
    this.told.textContent = [said, ...answer.notes].filter(Boolean).join(" · ");
    fill(this.nothing, !answer.songs.length && empty("note", "No song fits", h("p", { class: "soft" }, answer.nothing || "Nothing was found.")));
    this.more.hidden = !this.isOpenEnded || answer.songs.length < this.k || this.k >= MOST;
    announce(answer.songs.length ? `${count(answer.songs.length, "song")}, first ${answer.songs[0].title}` : "No song fits");
  }

  why(song, row, button) {
    const shown = row.querySelector(".why-here");
    button.setAttribute("aria-expanded", String(!shown));
    if (shown) { shown.firstChild.stop(); shown.remove(); return; }
    const first = this.whyOf ? this.whyOf(song, this.list.songs) : this.first;
    const weight = this.weight === null ? {} : { audio_weight: this.weight };
    row.append(h("div", { class: "why-here" }, whyPanel(first, song, weight)));
  }

  stop() {
    clearTimeout(this.timer);
    this.listening.abort();
    this.element.querySelectorAll(".why").forEach((panel) => panel.stop());
    this.list.stop();
  }
}
