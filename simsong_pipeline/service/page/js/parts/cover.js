// Covers: the service draws one where files have none.

import { coverOf } from "../api.js";
import { h } from "../dom.js";

export function cover(kind, id, size) {
  return h("img", { src: coverOf(kind, id), alt: "", loading: "lazy", decoding: "async", width: size, height: size });
}
