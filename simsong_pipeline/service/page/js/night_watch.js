// Looks whether a night is at work, often while one is and seldom else, and only while somebody looks.

import { get } from "./api.js";
import { changes, loadLibrary } from "./library.js";

const OFTEN_MS = 3000;
const SELDOM_MS = 30000;

export const night = { state: "none", command: "", stage: "", done: 0, total: 0, notes: [], outcome: "", since: null, ended: null };

/** Follow nights; tells `night` at each look. */
export function startNight() {
  const pill = document.getElementById("night");
  const look = async () => {
    try {
      if (!document.hidden) { Object.assign(night, await get(["night"])); await loadLibrary(); show(pill); changes.dispatchEvent(new Event("night")); }
    } catch {
      // the next look may be answered; views say what is wrong when they ask
    }
    setTimeout(look, night.state === "running" ? OFTEN_MS : SELDOM_MS);
  };
  look();
}

function show(pill) {
  pill.hidden = night.state !== "running";
  pill.textContent = night.stage ? `At work: ${night.stage}` : "At work";
}
