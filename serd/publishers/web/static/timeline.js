// The emotions of an hour, a day or a week: a ribbon of what was heard most, and the shares by hour.

import { byId, colour, make, makeSvg, setText } from "./dom.js";
import { ask, on, state } from "./feed.js";
import { columnStarts, endBeside, spanUntil, ZOOMS } from "./spans.js";
import { clock, day, duration, emotionText, percent, text } from "./texts.js";

const WIDTH = 1000;
const REFRESH_MS = 20_000;

let wanted = { zoom: "day", end: null }; // the end in milliseconds; null for the present
let shown = null; // the answer to what was wanted, with its zoom and end
let asked = 0;
let name = "";
let timer = 0;

export function startTimeline() {
  byId("timeline-zoom").replaceChildren(
    ...Object.keys(ZOOMS).map((key) =>
      make("button", { type: "button", "data-text": key, "data-zoom": key, onclick: () => show({ zoom: key }) }, text(key)),
    ),
  );
  const move = (key, run) => make("button", { type: "button", id: key, "data-text": key, onclick: run }, text(key));
  byId("timeline-move").replaceChildren(
    move("earlier", () => shift(-1)),
    move("later", () => shift(1)),
    move("present", () => show({ end: null })),
  );
  on("event", (event) => event.kind === "utterance" && wanted.end === null && soon());
  setInterval(() => wanted.end === null && !document.hidden && load(), REFRESH_MS);
  show({});
}

export function setTimelineSource(next) {
  if (next === name) return;
  name = next;
  load();
}

function shift(direction) {
  const end = endBeside(wanted.zoom, wanted.end ?? Date.now(), direction);
  show({ end: end > Date.now() ? null : end });
}

function show(change) {
  wanted = { ...wanted, ...change };
  for (const button of byId("timeline-zoom").children) button.ariaPressed = button.dataset.zoom === wanted.zoom;
  load();
}

function soon() {
  if (!timer) timer = setTimeout(() => { timer = 0; load(); }, 1500);
}

async function load() {
  if (!name) return;
  const { zoom, end } = wanted;
  const { since, until } = spanUntil(zoom, end ?? Date.now());
  const iso = (time) => new Date(time).toISOString();
  const query = new URLSearchParams({ since: iso(since), until: iso(until), part_s: ZOOMS[zoom].part_s, source: name });
  const number = ++asked;
  try {
    const answer = await ask(`timeline?${query}`);
    if (number !== asked) return; // something else is wanted by now
    shown = { ...answer, zoom, end };
  } catch {
    return; // the line above the page says that serd does not answer, or the log why the history does not
  }
  drawTimeline();
}

export function drawTimeline() {
  if (!shown) return;
  const since = Date.parse(shown.since);
  const until = Date.parse(shown.until);
  const total = sum(shown.parts);
  byId("present").disabled = byId("later").disabled = shown.end === null;
  setText(byId("timeline-span"), spanText(since, until));
  setText(byId("shares-title"), text(ZOOMS[shown.zoom].shares));
  const all = joined(since, until);
  byId("ribbon").replaceChildren(ribbon(since, until, total));
  byId("shares").replaceChildren(columns(all), table(all));
  byId("legend").replaceChildren(...legend());
}

function spanText(since, until) {
  if (shown.zoom === "hour") return `${day(since)}, ${clock(since, false)} – ${clock(until, false)}`;
  return shown.zoom === "day" ? day(since) : `${day(since)} – ${day(until - 1)}`;
}

function ribbon(since, until, total) {
  const seconds = Object.values(total).reduce((a, b) => a + b, 0);
  const times = { from: `${day(since)} ${clock(since, false)}`, until: `${day(until)} ${clock(until, false)}` };
  const emotions = ranked(total).map(([label, s]) => `${emotionText(label)} ${percent(s / seconds)} %`).join(", ");
  const label = seconds
    ? text("timeline_label", { ...times, speech: duration(seconds), emotions })
    : text("timeline_none", times);
  const step = WIDTH / shown.parts.length;
  const bands = shown.parts.flatMap((part, index) => {
    const [best] = ranked(part);
    if (!best) return [];
    const title = `${clock(since + index * shown.part_s * 1000, false)}: ${words(part)}`;
    return [
      makeSvg(
        "rect",
        { class: colour(best[0]), x: index * step, y: 0, width: Math.max(step - 0.3, 2), height: 40 },
        makeSvg("title", {}, title),
      ),
    ];
  });
  const x = (time) => (WIDTH * (Math.min(until, Math.max(since, time)) - since)) / (until - since);
  const gaps = shown.absences.map((gap) => {
    const from = x(Date.parse(gap.since));
    const width = Math.max(1, x(gap.until ? Date.parse(gap.until) : Date.now()) - from);
    const key = gap.kind === "muted" ? "muted_then" : "offline_then";
    const title = makeSvg("title", {}, `${text(key)}${gap.reason ? `: ${gap.reason}` : ""}`);
    return makeSvg("rect", { class: `gap ${gap.kind}`, x: from, y: 0, width, height: 40 }, title);
  });
  const future = x(Date.now());
  return makeSvg(
    "svg",
    { viewBox: `0 0 ${WIDTH} 40`, preserveAspectRatio: "none", class: "ribbon", role: "img", "aria-label": label },
    makeSvg("rect", { class: "ribbon-ground", width: WIDTH, height: 40 }),
    ...gaps,
    ...bands,
    future < WIDTH ? makeSvg("rect", { class: "future", x: future, width: WIDTH - future, height: 40 }) : null,
    future < WIDTH ? makeSvg("rect", { class: "present", x: future, width: 2, height: 40 }) : null,
  );
}

// The parts joined to columns, of an hour in a day and of a day in a week, each with its start.
function joined(since, until) {
  const starts = columnStarts(shown.zoom, since, until);
  const part = (time) => Math.round((time - since) / (shown.part_s * 1000));
  return starts.map((time, index) => [time, sum(shown.parts.slice(part(time), part(starts[index + 1] ?? until)))]);
}

function columns(all) {
  const most = Math.max(1, ...all.map(([, each]) => Object.values(each).reduce((a, b) => a + b, 0)));
  const items = all.map(([time, each], index) => {
    const stack = ranked(each).map(([label, seconds]) => {
      const piece = make("span", { class: `piece ${colour(label)}` });
      piece.style.setProperty("--part", `${(100 * seconds) / most}%`);
      return piece;
    });
    const title = `${columnName(time)}: ${words(each) || text("nothing_then")}`;
    return make("div", { class: "column", title }, make("div", { class: "stack" }, ...stack.reverse()),
      make("span", { class: isMinor(time, index) ? "tick minor" : "tick" }, isTick(time, index) ? columnName(time) : ""));
  });
  return make("div", { class: "columns", "aria-hidden": "true" }, ...items);
}

function isTick(time, index) {
  if (shown.zoom === "hour") return index % 2 === 0;
  return shown.zoom === "week" || new Date(time).getHours() % 3 === 0;
}

// Ticks for which a narrow screen has no room.
function isMinor(time, index) {
  if (shown.zoom === "hour") return index % 4 !== 0;
  return shown.zoom === "week" ? index % 2 !== 0 : new Date(time).getHours() % 6 !== 0;
}

function columnName(time) {
  return shown.zoom === "week" ? day(time) : clock(time, false);
}

// The same for those who cannot see the columns.
function table(all) {
  const rows = all
    .filter(([, each]) => Object.keys(each).length)
    .map(([time, each]) => make("tr", {}, make("th", { scope: "row" }, columnName(time)), make("td", {}, words(each))));
  const head = make("tr", {}, make("th", { scope: "col" }, text("time")), make("th", { scope: "col" }, text("speech")));
  return make("table", { class: "hidden" }, make("thead", {}, head), make("tbody", {}, ...rows));
}

function legend() {
  const labels = [...state.labels, "uncertain"].map((label) => [colour(label), emotionText(label)]);
  const others = [["offline", text("offline_then")], ["muted", text("muted_then")]];
  return [...labels, ...others].map(([kind, word]) =>
    make("li", {}, makeSvg("svg", { class: "key", viewBox: "0 0 12 12", "aria-hidden": "true" },
      makeSvg("rect", { class: kind, width: 12, height: 12, rx: 3 })), word),
  );
}

function sum(parts) {
  const total = {};
  for (const part of parts) for (const [label, s] of Object.entries(part)) total[label] = (total[label] ?? 0) + s;
  return total;
}

function ranked(part) {
  return Object.entries(part).sort((a, b) => b[1] - a[1]);
}

function words(part) {
  return ranked(part).map(([label, seconds]) => `${emotionText(label)} ${duration(seconds)}`).join(", ");
}
