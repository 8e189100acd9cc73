// An address that leads nowhere.

import { h } from "../dom.js";
import { empty } from "../parts/states.js";
import { link } from "../router.js";

export async function lost() {
  return { title: "Not found", elements: [empty("search", "There is no such page", h("a", { class: "button", href: link([]) }, "To the start"))] };
}
