// Which view an address shows: `#/song/ID?audio_weight=0.4` is the view `song` with `ID` and a query.

/** Parts and query of the present address. */
export function present() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { name: parts[0] ?? "", rest: parts.slice(1), query: new URLSearchParams(query) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a view. */
export function link(parts, query = null) {
  const path = parts.map(encodeURIComponent).join("/");
  const text = query ? query.toString() : "";
  return `#/${path}${text ? `?${text}` : ""}`;
}

export function go(parts, query = null) {
  location.hash = link(parts, query);
}

/** Keep a question in the address without leaving the view. */
export function remember(query) {
  const [path] = location.hash.split("?");
  const text = query.toString();
  history.replaceState(history.state, "", `${path || "#/"}${text ? `?${text}` : ""}`);
}
