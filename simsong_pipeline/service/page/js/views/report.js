// Does it work on my music? Figures beside chance and the most possible, in words.

import { get } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { whole } from "../format.js";
import { night } from "../night_watch.js";
import { empty } from "../parts/states.js";
import { link } from "../router.js";

const TRUTHS = {
  playlists: "Songs of one playlist", "playlists, other artists": "Songs of one playlist, by other artists", album: "Songs of one album",
  artist: "Songs of one artist", "Last.fm similar": "Songs that listeners of Last.fm heard alike",
  unfiltered: "All songs may be answers", artist_filtered: "Only songs by other artists",
};
const METHODS = {
  random: "random order", mfcc: "timbre alone (Gaussians)", lyrics: "lyrics alone", start_audio: "untrained start, sound", start_fused: "untrained start, sound and lyrics",
  ns_audio: "NS, sound", ns_fused: "NS, sound and lyrics", wns_audio: "WNS, sound", wns_fused: "WNS, sound and lyrics", audio: "served model, sound", fused: "served model, sound and lyrics",
};
const METRICS = { recall: "Recall", precision: "Precision", ndcg: "nDCG", hit_rate: "Hit rate", hub_skew: "Hub skew", coverage: "Coverage" };

export async function report() {
  const found = await get(["report"]);
  const rows = found.card?.length ? found.card : found.metrics;
  const isCard = Boolean(found.card?.length);
  const head = h("section", { class: "heading" }, h("div", {}, h("h1", {}, "Does it work on my music?"), h("p", { class: "soft" }, "Asked with songs whose artists the model has not seen in training.")),
    h("a", { class: "button", href: link(["night"]) }, icon("moon"), night.state === "running" ? "At work now" : "Nightly work"));
  if (!rows.length) return { title: "Report", elements: [head, nothing()] };
  return { title: "Report", elements: [head, found.verdict && verdict(found.verdict), figures(rows, served(rows, found), isCard ? (found.card_verdicts ?? {}) : {}), pages(found), all(rows, isCard ? "All figures of the report card" : "All figures")] };
}

function nothing() {
  return empty("card", "Nothing has been measured yet", h("p", { class: "soft" }, "Your own playlists, albums and artists say what belongs together: ", h("code", {}, "simsong report-card --playlists ~/Playlists")));
}

function verdict({ passed, outcome, text }) {
  return h("section", { class: `panel verdict${passed ? "" : " no"}`, "aria-label": "Verdict" }, icon(passed ? "check" : "why"), h("div", {}, h("h2", {}, passed ? "Yes, better than chance" : outcome.replaceAll("_", " ")), h("p", { class: "soft" }, text)));
}

/** The method that answers on this page, in these rows. */
function served(rows, { verdict: judged }) {
  const variants = new Set(rows.map((row) => row.variant));
  return [judged?.variant && `${judged.variant}_fused`, "fused", "ns_fused", "wns_fused", "start_fused"].find((name) => variants.has(name)) ?? rows[0].variant;
}

function figures(rows, variant, judged) {
  const own = rows.filter((row) => row.variant === variant && row.metric.startsWith("precision_at_") && row.chance !== null);
  return h("section", { class: "panel block", "aria-label": "Of ten answers" }, h("h2", {}, "Of each ten songs that are suggested"),
    h("div", { class: "figures" }, own.map((row) => figure(row, judged[row.protocol] ?? ""))),
    h("p", { class: "row small soft" }, h("span", {}, h("i", { class: "key-mark" }), "these belong to the song that was asked about"), h("span", {}, h("i", { class: "key-mark chance" }), "a random order"), h("span", {}, h("i", { class: "key-mark most" }), "the most that is possible")));
}

function figure(row, judged) {
  const k = Number(row.metric.split("_at_")[1]);
  const [of, chance, most] = [row.value * k, row.chance * k, (row.oracle ?? 1) * k];
  const low = row.ci_low === null ? "" : ` (95 % interval ${(row.ci_low * k).toFixed(1)} to ${(row.ci_high * k).toFixed(1)})`;
  const times = row.chance > 0 ? `, ${(row.value / row.chance).toFixed(1)} times as many as by chance` : "";
  const at = (share) => `${Math.min(100, share * 100)}%`;
  return h("div", { class: "figure" }, h("div", { class: "row" }, h("h3", {}, TRUTHS[row.protocol] ?? row.protocol), judged && badge(judged)),
    h("div", { class: "rail", "aria-hidden": "true" }, h("i", { class: "most", style: { width: at(row.oracle ?? 1) } }), h("i", { class: "value", style: { width: at(row.value) } }),
      row.ci_low !== null && h("i", { class: "range", style: { left: at(row.ci_low), width: at(row.ci_high - row.ci_low) } }), h("i", { class: "chance", style: { left: at(row.chance) } })),
    h("p", { class: "legend" }, `${of.toFixed(1)} of ${k} belong${low}${times}. Chance ${chance.toFixed(1)}, the most possible ${most.toFixed(1)}; ${whole(row.queries)} songs asked.`));
}

/** What the card says of a ground truth: "yes: …", "no: …", "too few songs to tell: …". */
function badge(judged) {
  const [answer] = judged.split(":");
  const look = { yes: "good", no: "bad" }[answer] ?? "warn";
  return h("span", { class: `badge ${look}` }, { yes: "Better than chance", no: "No better than chance" }[answer] ?? answer);
}

function pages(found) {
  const page = (name, words) => h("a", { class: "button", href: new URL(`api/v1/report/${name}`, document.baseURI).pathname, target: "_blank", rel: "noopener" }, icon("card"), words);
  return h("div", { class: "row" }, found.has_card && page("card.html", "The whole report card"), found.has_report && page("index.html", "The whole report"));
}

function all(rows, title) {
  const shown = (value) => (value === null ? "–" : value.toFixed(3));
  const metric = (name) => { const [kind, k] = name.split("_at_"); return `${METRICS[kind] ?? kind}${k ? `@${k}` : ""}`; };
  return h("details", {}, h("summary", {}, title), h("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": title }, h("table", {},
    h("thead", {}, h("tr", {}, ["Method", "Among", "Measure", "Value", "Interval", "Chance", "Most possible"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row" }, METHODS[row.variant] ?? row.variant), h("td", {}, TRUTHS[row.protocol] ?? row.protocol), h("td", {}, metric(row.metric)),
      h("td", {}, shown(row.value)), h("td", {}, row.ci_low === null ? "–" : `${shown(row.ci_low)} – ${shown(row.ci_high)}`), h("td", {}, shown(row.chance)), h("td", {}, shown(row.oracle))))))));
}
