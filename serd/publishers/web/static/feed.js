// The state of the daemon, kept up to date by server-sent events. The stream is closed while the tab is
// hidden, since browsers allow few connections, and continues after the last event that was read.

import { text } from "./texts.js";

const RETRY_MS = 1000;
const MAX_UTTERANCES = 100;
const MAX_ALERT_CHANGES = 100;

export const state = { connection: "connecting", sources: [], labels: [], utterances: [], alert_changes: null };
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

export function ask(path) {
  return answer(path, {});
}

// Asks for a change; resolves to the answer or throws with the reason of the refusal.
export async function change(path, body) {
  const { token } = await ask("session");
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": token };
  return answer(path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function answer(path, options) {
  let response = null;
  let body = null;
  try {
    response = await fetch(`api/v1/${path}`, options);
    if (response.status !== 204) body = await response.json();
  } catch {
    throw new Error(text("no_answer")); // or a proxy has answered in its place
  }
  if (response.status === 401) location.reload();
  if (!response.ok) throw Object.assign(new Error(body.error), { status: response.status });
  return body;
}

const take = {
  state(body) {
    // After an upgrade, the modules that are loaded later would not fit those that are here.
    if (state.version && state.version !== body.version) location.reload();
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
    if (!found) return;
    // That an alert is off at its start is no change.
    if (body.on || body.name in found.alerts) rememberAlerts([body]);
    found.alerts[body.name] = body.on;
  },
  stats(body) {
    state.stats = body;
  },
  // The whole state comes as the first message of a new stream, in order with the changes that follow.
  reload() {
    lastId = "";
    open();
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

// Adds changes of alerts, each once, the newest last.
export function rememberAlerts(changes) {
  const all = new Map([...(state.alert_changes ?? []), ...changes].map((each) => [`${each.time} ${each.source} ${each.name}`, each]));
  state.alert_changes = [...all.values()].sort((a, b) => Date.parse(a.time) - Date.parse(b.time)).slice(-MAX_ALERT_CHANGES);
}

function connected(next) {
  state.connection = next;
  tell("connection", next);
}

function open() {
  clearTimeout(retry);
  stream?.close();
  if (document.hidden) return;
  stream = new EventSource(`api/v1/events${lastId ? `?last_id=${encodeURIComponent(lastId)}` : ""}`);
  stream.onopen = () => connected("live");
  stream.onerror = () => {
    connected("away");
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
  connected("paused");
}

export function start() {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return close();
    connected("connecting");
    open();
  });
  open();
}
