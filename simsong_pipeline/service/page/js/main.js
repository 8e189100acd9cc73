// The start: ask what the service is, build the frame, show the view of the address.

import { whenKeyIsNeeded } from "./api.js";
import { fill, h } from "./dom.js";
import { askForKey } from "./key.js";
import { library, loadService, changes } from "./library.js";
import { startNavigation, showPlace } from "./navigation.js";
import { startNight } from "./night_watch.js";
import { notice } from "./notices.js";
import { startHearts } from "./parts/like_button.js";
import { problem } from "./parts/states.js";
import { startBar } from "./player/bar.js";
import { startMediaKeys } from "./player/media_keys.js";
import { present } from "./router.js";
import { startShortcuts } from "./shortcuts.js";
import { startTheme } from "./theme.js";
import { showTitle } from "./titles.js";
import { VIEWS } from "./views.js";

const main = document.getElementById("main");
let leave = null;
let turn = 0;

async function show() {
  const { name, rest, query } = present();
  const mine = ++turn;
  leave?.();
  leave = null;
  const view = VIEWS[name] ?? VIEWS.lost;
  showPlace(name);
  try {
    const { title, elements, stop } = await view(rest, query);
    if (mine !== turn) { stop?.(); return; }
    leave = stop ?? null;
    fill(main, elements);
    showTitle(title);
  } catch (error) {
    if (mine === turn) fill(main, problem(error, show));
  }
  scrollTo(0, 0);
}

/** Another view: whoever reads by keys or ears begins at its top. */
async function changed() {
  await show();
  const { activeElement } = document;
  if (activeElement === document.body || main.contains(activeElement) || document.getElementById("nav").contains(activeElement)) main.focus({ preventScroll: true });
}

async function start() {
  startTheme(document.getElementById("theme"));
  whenKeyIsNeeded(askForKey);
  document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
  try {
    await loadService();
  } catch (error) {
    fill(main, problem(error, start));
    return;
  }
  startNavigation();
  startBar(document.getElementById("player"));
  startMediaKeys();
  startHearts();
  startShortcuts();
  startNight();
  addEventListener("hashchange", changed);
  changes.addEventListener("renewed", () => notice("Your library was renewed.", { words: "Show", act: show }));
  await show();
  if (library.trouble) notice(`An earlier state answers: ${library.trouble}`);
  document.documentElement.dataset.ready = "true";
}

fill(main, h("p", { class: "soft" }, "Opening the library"));
start();
