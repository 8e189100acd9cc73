// Dark or light: as the system says, until somebody chooses.

import { fill } from "./dom.js";
import { icon } from "./icons.js";
import { kept, keep } from "./kept.js";

const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Show the theme, and let a button change it. */
export function startTheme(button) {
  const show = () => {
    const isDark = (kept("theme") ?? (DARK.matches ? "dark" : "light")) === "dark";
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    fill(button, icon(isDark ? "sun" : "moon"));
    button.setAttribute("aria-label", isDark ? "Light colours" : "Dark colours");
    button.title = button.getAttribute("aria-label");
  };
  button.addEventListener("click", () => {
    keep("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    show();
  });
  DARK.addEventListener("change", show);
  show();
}
