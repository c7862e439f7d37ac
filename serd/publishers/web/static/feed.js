// The state of the daemon, kept up to date by server-sent events. The stream is closed while the tab is
// hidden, since browsers allow few connections, and continues after the last event that was read.

const RETRY_MS = 1000;
const MAX_UTTERANCES = 100;

export const state = { sources: [], labels: [], utterances: [] };
const listeners = new Map();
let stream = null;
let lastId = "";
let retry = 0;

// Calls a function after each change of a kind: state, event, level, source, alert, connection, ...
export function on(kind, listener) {
  listeners.set(kind, [...(listeners.get(kind) ?? []), listener]);
}

function tell(kind, body) {
  for (const listener of listeners.get(kind) ?? []) listener(body);
}

export function source(name) {
  return state.sources.find((each) => each.name === name);
}

export async function ask(path) {
  const response = await fetch(`api/v1/${path}`);
  if (response.status === 401) location.reload();
  const body = await response.json();
  if (!response.ok) throw new Error(body.error);
  return body;
}

// Asks for a change; resolves to the answer or throws with the reason of the refusal.
export async function change(path, body) {
  const { token } = await ask("session");
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": token };
  const response = await fetch(`api/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (response.status === 204) return null;
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

const take = {
  state(body) {
    Object.assign(state, body);
  },
  event(body) {
    const found = source(body.source);
    if (found) found.event = body;
    if (body.kind === "utterance") remember([body]);
  },
  level(body) {
    const found = source(body.source);
    if (found) found.level_dbfs = body.level_dbfs;
  },
  source(body) {
    const found = source(body.name);
    if (found) Object.assign(found, body);
  },
  alert(body) {
    const found = source(body.source);
    if (found) found.alerts[body.name] = body.on;
  },
  stats(body) {
    state.stats = body;
  },
  reload() {
    ask("state").then((body) => {
      Object.assign(state, body);
      tell("state", state);
    }, () => {});
  },
  refusal() {},
};

// Adds utterances, each once, the newest first.
export function remember(events) {
  const known = new Set(state.utterances.map((each) => each.id));
  const all = [...events.filter((each) => !known.has(each.id)), ...state.utterances];
  all.sort((a, b) => Date.parse(b.time) - Date.parse(a.time));
  state.utterances = all.slice(0, MAX_UTTERANCES);
}

function open() {
  clearTimeout(retry);
  stream?.close();
  tell("connection", "connecting");
  stream = new EventSource(`api/v1/events${lastId ? `?last_id=${encodeURIComponent(lastId)}` : ""}`);
  stream.onopen = () => tell("connection", "live");
  stream.onerror = () => {
    tell("connection", "away");
    // The browser tries again by itself only after some failures.
    if (stream.readyState === EventSource.CLOSED) {
      retry = setTimeout(() => ask("state").then(open, open), RETRY_MS);
    }
  };
  for (const kind of Object.keys(take)) {
    stream.addEventListener(kind, (message) => {
      if (message.lastEventId) lastId = message.lastEventId;
      const body = JSON.parse(message.data);
      take[kind](body);
      tell(kind, body);
    });
  }
}

function close() {
  clearTimeout(retry);
  stream?.close();
  stream = null;
  tell("connection", "paused");
}

export function start() {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  open();
}
