// A list that comes in parts: the next one at a press of a button.

import { get } from "../api.js";
import { h } from "../dom.js";
import { tell } from "../notices.js";

/** Ask for the first part, show each by `show(items)`, and give a button for more. */
export async function paged(parts, values, limit, show) {
  let offset = 0;
  const more = h("button", { type: "button", class: "button", hidden: true }, "Show more");
  const ask = async () => {
    const page = await get(parts, { ...values, limit, offset });
    offset += page.items.length;
    more.hidden = page.next === null;
    show(page.items, page.total);
    return page;
  };
  more.addEventListener("click", () => ask().catch(tell));
  const first = await ask();
  return { more, total: first.total };
}
