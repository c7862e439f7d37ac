// The state of the machine: sources, broker, parts, model, versions, and the log.

import { byId, make } from "./dom.js";
import { ask, state } from "./feed.js";
import { decimal, duration, percent, text, when } from "./texts.js";

let card = null;
let logText = "";

export async function refreshSystem() {
  try {
    const [fresh, log] = await Promise.all([ask("state"), ask("log")]);
    Object.assign(state, { broker: fresh.broker, parts: fresh.parts, silent_parts: fresh.silent_parts, stats: fresh.stats, started: fresh.started });
    if (fresh.model && (card?.name !== fresh.model.name || card.version !== fresh.model.version)) card = await ask("model");
    drawLog(log.lines);
  } catch {
    return;
  }
  drawSystem();
}

export function drawSystem() {
  const rows = [
    [text("microphone"), state.sources.map((each) => `${each.name}: ${each.online ? text("online") : text("offline")}${each.reason ? ` (${each.reason})` : ""}`)],
    [text("broker"), broker()],
    [text("model"), model()],
    [text("version"), [`${state.version}, ${text("running", { time: duration((Date.now() - Date.parse(state.started)) / 1000) })}`, ...usage()]],
    [text("parts"), [state.silent_parts?.length ? text("parts_silent", { parts: state.silent_parts.join(", ") }) : text("parts_fine")]],
  ];
  // A row that says the same stays, with what is open, selected or has the focus in it.
  rows.forEach(([name, lines], index) => {
    const row = make("div", {}, make("dt", {}, name), ...lines.map((line) => make("dd", {}, line)));
    const old = byId("system").children[index];
    if (!old) byId("system").append(row);
    else if (old.textContent !== row.textContent) old.replaceWith(row);
  });
}

function broker() {
  const it = state.broker;
  if (!it) return [text("broker_none")];
  const key = it.is_connected ? "broker_on" : "broker_off";
  const line = text(key, { address: it.address, time: duration(it.since_s) });
  return it.n_waiting ? [line, text("events_waiting", { n: it.n_waiting })] : [line];
}

function usage() {
  const stats = state.stats;
  if (!stats || !stats.uptime_s) return [];
  return [text("memory", { mb: decimal(stats.rss_mb, 0), cpu: `${decimal((100 * stats.cpu_s) / stats.uptime_s, 1)} %` })];
}

function model() {
  if (!state.model) return [];
  const lines = [`${state.model.name} ${state.model.version}`];
  const accuracy = card?.training?.accuracy;
  if (accuracy?.uar_mean) {
    const n = card.labels.length;
    lines.push(text("model_score", { uar: `${percent(accuracy.uar_mean)} %`, n, protocol: accuracy.protocol, chance: `${decimal(100 / n, 1)} %` }));
  }
  lines.push(text("model_about"));
  if (card?.licence) lines.push(make("details", {}, make("summary", {}, text("model_licence")), make("p", {}, card.licence)));
  return lines;
}

function drawLog(lines) {
  const list = byId("log");
  const times = lines.map((line) => when(line.time));
  const next = JSON.stringify([times, lines, text("log_none")]);
  if (next === logText && list.children.length) return;
  logText = next;
  const box = list.parentElement;
  const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
  list.replaceChildren(
    ...(lines.length
      ? lines.map((line, index) => make("li", { class: `log-${line.level}` }, make("time", { datetime: line.time }, times[index]), ` ${line.text}`))
      : [make("li", {}, text("log_none"))]),
  );
  if (isAtEnd) box.scrollTop = box.scrollHeight;
}
