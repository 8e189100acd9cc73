// Which songs may come: the same filters as the command line has.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { language } from "../format.js";
import { check, picks, select, slider, spanField, switches } from "./filter_fields.js";
import { problem } from "./states.js";

const LISTS = ["language", "tag"];
const NUMBERS = ["since", "until", "min_tempo", "max_tempo", "min_seconds", "max_seconds", "per_artist", "per_album", "diversity"];
const SWITCHES = ["exclude_artist", "with_outliers"];
const MOST_LANGUAGES = 14;

/** The filters of an address. */
export function filtersOf(query) {
  const values = {};
  for (const name of LISTS) if (query.has(name)) values[name] = query.getAll(name);
  for (const name of NUMBERS) if (query.get(name)) values[name] = Number(query.get(name));
  for (const name of SWITCHES) if (query.get(name) === "true") values[name] = true;
  return values;
}

export const countOf = (values) => Object.entries(values).filter(([name, v]) => name !== "exclude_artist" && v !== undefined && v !== 0 && v?.length !== 0).length;

/** The form of all filters; `change(values)` whenever one is other. `has` names what the question takes besides. */
export function filterForm(values, change, has = ["diversity", "exclude_artist"]) {
  const form = h("div", { class: "filters", role: "group", "aria-label": "Filters" });
  const set = (name, value) => {
    if (value === undefined || value?.length === 0) delete values[name];
    else values[name] = value;
    change(values);
  };
  fill(form, h("p", { class: "soft" }, "Loading"));
  Promise.all([get(["languages"]), get(["tags"])])
    .then(([languages, tags]) => fill(form, fields(values, set, has, languages.items, tags)))
    .catch((error) => fill(form, problem(error)));
  return form;
}

function fields(values, set, has, languages, tags) {
  const spoken = languages.slice(0, MOST_LANGUAGES).map((one) => one.name);
  const names = [...new Set([...tags.items.map((one) => one.name), ...(tags.heard ?? [])])];
  return [
    spanField("Years", ["since", "until"], values, set),
    spanField("Length", ["min_seconds", "max_seconds"], values, set, { unit: "minutes", step: "any", factor: 60 }),
    spanField("Tempo", ["min_tempo", "max_tempo"], values, set, { unit: "beats a minute" }),
    picks("Tags", names, values.tag ?? [], (v) => set("tag", v)),
    select("Songs of one artist", [[null, "any number"], [1, "one at most"], [2, "two at most"], [3, "three at most"]], values.per_artist, (v) => set("per_artist", v && Number(v))),
    has.includes("diversity") && slider("Variety", { min: 0, max: 0.95, step: 0.05, value: values.diversity ?? 0, words: variety }, (v) => set("diversity", v || undefined)),
    spoken.length > 0 && switches("Language of the lyrics", spoken, values.language ?? [], (v) => set("language", v), language),
    h("div", { class: "row wide" },
      check("Also what does not sound like music", values.with_outliers, (v) => set("with_outliers", v))),
  ];
}

function variety(value) {
  if (value === 0) return "the nearest";
  return value < 0.4 ? "a little varied" : value < 0.7 ? "varied" : "as varied as possible";
}
