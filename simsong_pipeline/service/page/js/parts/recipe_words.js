// A question in words, as a playlist keeps it.

import { get } from "../api.js";
import { language, percent, time } from "../format.js";

const KIND = { like: "songs", dislike: "songs", artist: "artists", album: "albums", start: "songs", end: "songs" };
const MOST = 3;

/** "Songs like A and B, from 1990, sound 60 %". */
export async function inWords({ kind, question }) {
  const names = async (field) => named(KIND[field], [question[field] ?? []].flat());
  const parts = [];
  if (kind === "path") parts.push(`From ${await names("start")} to ${await names("end")}`);
  else if (kind === "about") parts.push([question.text && `About “${question.text}”`, question.sound && `sounding like “${question.sound}”`].filter(Boolean).join(", "));
  else {
    const like = (await Promise.all(["like", "artist", "album"].map(names))).filter(Boolean).join(", ");
    parts.push(`Songs like ${like}`);
    const unlike = await names("dislike");
    if (unlike) parts.push(`unlike ${unlike}`);
  }
  return `${[...parts, ...restrictions(question)].join("; ")}.`;
}

async function named(kind, ids) {
  const shown = await Promise.allSettled(ids.slice(0, MOST).map((id) => get([kind, id])));
  const names = shown.map((one, at) => (one.status === "fulfilled" ? (one.value.title ?? one.value.name) : ids[at]));
  return [...names, ids.length > MOST && `${ids.length - MOST} more`].filter(Boolean).join(", ");
}

function restrictions(q) {
  return [
    q.audio_weight !== undefined && q.audio_weight !== null && `sound ${percent(q.audio_weight)}`,
    between("years", q.since, q.until, String), between("tempo", q.min_tempo, q.max_tempo, String), between("length", q.min_seconds, q.max_seconds, time),
    q.language?.length > 0 && q.language.map(language).join(" or "), q.tag?.length > 0 && `tagged ${q.tag.join(" or ")}`,
    q.per_artist && `${q.per_artist} of each artist at most`, q.exclude_artist && "only other artists", q.diversity > 0 && "varied",
  ].filter(Boolean);
}

function between(what, low, high, shown) {
  if ((low ?? null) === null && (high ?? null) === null) return "";
  if ((high ?? null) === null) return `${what} from ${shown(low)}`;
  return (low ?? null) === null ? `${what} to ${shown(high)}` : `${what} ${shown(low)} to ${shown(high)}`;
}
