// Questions to the service. What goes wrong is a Problem that says so in words.

const BASE = new URL("api/v1/", document.baseURI);
const LONG_QUERY = 6000;

/** An answer that says why there is none (RFC 9457); status 0 is a service that does not answer. */
export class Problem extends Error {
  constructor(status, said) {
    super(said.detail || said.title || `the service answered ${status}`);
    this.status = status;
    this.candidates = said.candidates ?? [];
    this.faults = said.faults ?? [];
  }
}

let keyAsker = null;
let keyBeingAsked = null;

/** What to do where a key is needed: `asker` returns a promise that is kept once the service took one. */
export function whenKeyIsNeeded(asker) {
  keyAsker = asker;
}

/** The address of something that an element loads itself. */
export function addressOf(...parts) {
  return new URL(parts.map(encodeURIComponent).join("/"), BASE).pathname;
}

export const coverOf = (kind, id) => addressOf(kind, id, "cover");
export const streamOf = (id) => addressOf("songs", id, "stream");

/** Names and values as a query; lists repeat the name, null and empty are left out. */
function queryOf(values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "" && one !== false) query.append(name, one);
    }
  }
  return query;
}

export const get = (parts, values = {}, signal = undefined) => ask("GET", parts, { values, signal });
export const post = (parts, body = {}) => ask("POST", parts, { body });
export const put = (parts, body) => ask("PUT", parts, { body });
export const remove = (parts, values = {}) => ask("DELETE", parts, { values });

/** A question that may be too long for an address: asked by POST then. */
export function question(parts, values, signal) {
  const asked = Object.fromEntries(Object.entries(values).filter(([, v]) => v !== null && v !== undefined && v !== "" && v !== false));
  if (queryOf(asked).toString().length < LONG_QUERY) return get(parts, asked, signal);
  return ask("POST", parts, { body: asked, signal });
}

async function ask(method, parts, { values = {}, body = undefined, signal = undefined }) {
  const address = new URL(parts.map(encodeURIComponent).join("/"), BASE);
  address.search = queryOf(values);
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const answer = await reached(address, { method, headers, body: sent, signal });
  if (answer.status === 401 && keyAsker && parts[0] !== "session") {
    keyBeingAsked ??= keyAsker().finally(() => { keyBeingAsked = null; });
    await keyBeingAsked;
    return ask(method, parts, { values, body, signal });
  }
  if (!answer.ok) throw new Problem(answer.status, await saidBy(answer));
  return answer.status === 204 ? null : answer.json();
}

async function reached(address, options) {
  try {
    return await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "The service does not answer. Is `simsong serve` still running?" });
  }
}

async function saidBy(answer) {
  try {
    return await answer.json();
  } catch {
    return { detail: `The service answered ${answer.status} ${answer.statusText}.` };
  }
}

/** A function that starts a question and cancels the one it started before. */
export function latest() {
  let present = null;
  return (start) => {
    present?.abort();
    present = new AbortController();
    return start(present.signal);
  };
}

export const wasCancelled = (error) => error.name === "AbortError";
