// The emotions of an hour, a day or a week: a ribbon of what was heard most, and the shares by hour.

import { byId, colour, make, makeSvg, setText } from "./dom.js";
import { ask, on, state } from "./feed.js";
import { clock, day, decimal, duration, emotionText, percent, text } from "./texts.js";

const WIDTH = 1000;
const ZOOMS = {
  hour: { span_s: 3600, part_s: 60, column_s: 300, tick_s: 600, shares: "shares_minutes" },
  day: { span_s: 86400, part_s: 300, column_s: 3600, tick_s: 10800, shares: "shares_hour" },
  week: { span_s: 604800, part_s: 3600, column_s: 86400, tick_s: 86400, shares: "shares_day" },
};
const REFRESH_MS = 20_000;

let zoom = "day";
let end = null; // the end of what is shown, in milliseconds; null for the present
let shown = null;
let name = "";
let timer = 0;

export function startTimeline() {
  byId("timeline-zoom").replaceChildren(
    ...Object.keys(ZOOMS).map((key) =>
      make("button", { type: "button", "data-text": key, "data-zoom": key, onclick: () => setZoom(key) }, text(key)),
    ),
  );
  const move = (key, run) => make("button", { type: "button", id: key, "data-text": key, onclick: run }, text(key));
  byId("timeline-move").replaceChildren(
    move("earlier", () => shift(-1)),
    move("later", () => shift(1)),
    move("present", () => show(null)),
  );
  on("event", (event) => event.kind === "utterance" && end === null && soon());
  setInterval(() => end === null && !document.hidden && load(), REFRESH_MS);
  setZoom("day");
}

export function setTimelineSource(next) {
  if (next === name) return;
  name = next;
  load();
}

function setZoom(key) {
  zoom = key;
  for (const button of byId("timeline-zoom").children) button.ariaPressed = button.dataset.zoom === key;
  load();
}

function shift(direction) {
  const { span_s } = ZOOMS[zoom];
  const next = range().until + direction * span_s * 1000;
  show(next > Date.now() ? null : next);
}

function show(next) {
  end = next;
  load();
}

function soon() {
  if (!timer) timer = setTimeout(() => { timer = 0; load(); }, 1500);
}

// A day begins at midnight and a week with a midnight, so that the parts are hours of the day.
function range() {
  const { span_s, part_s } = ZOOMS[zoom];
  if (zoom === "hour") {
    const until = Math.ceil((end ?? Date.now()) / (part_s * 1000)) * part_s * 1000;
    return { since: until - span_s * 1000, until };
  }
  const midnight = new Date((end ?? Date.now()) - (end === null ? 0 : 1));
  midnight.setHours(24, 0, 0, 0);
  const since = new Date(midnight);
  since.setDate(since.getDate() - (zoom === "day" ? 1 : 7));
  return { since: since.getTime(), until: midnight.getTime() };
}

async function load() {
  if (!name) return;
  const { since, until } = range();
  const iso = (time) => new Date(time).toISOString();
  const query = new URLSearchParams({ since: iso(since), until: iso(until), part_s: ZOOMS[zoom].part_s, source: name });
  try {
    shown = await ask(`timeline?${query}`);
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
  byId("present").disabled = byId("later").disabled = end === null;
  setText(byId("timeline-span"), spanText(since, until));
  setText(byId("shares-title"), text(ZOOMS[zoom].shares));
  byId("ribbon").replaceChildren(ribbon(since, until, total));
  byId("shares").replaceChildren(columns(since, until), table(since));
  byId("legend").replaceChildren(...legend());
}

function spanText(since, until) {
  if (zoom === "hour") return `${clock(since, false)} – ${clock(until, false)}`;
  return zoom === "day" ? day(since) : `${day(since)} – ${day(until - 1)}`;
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

// The parts joined to columns: of an hour in a day, of a day in a week.
function joined() {
  const n = ZOOMS[zoom].column_s / shown.part_s;
  const found = [];
  for (let index = 0; index < shown.parts.length; index += n) found.push(sum(shown.parts.slice(index, index + n)));
  return found;
}

function columns(since) {
  const { column_s } = ZOOMS[zoom];
  const all = joined();
  const most = Math.max(1, ...all.map((each) => Object.values(each).reduce((a, b) => a + b, 0)));
  const items = all.map((each, index) => {
    const time = since + index * column_s * 1000;
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
  if (zoom === "hour") return index % 2 === 0;
  return zoom === "week" || new Date(time).getHours() % 3 === 0;
}

// Ticks for which a narrow screen has no room.
function isMinor(time, index) {
  if (zoom === "hour") return index % 4 !== 0;
  return zoom === "week" ? index % 2 !== 0 : new Date(time).getHours() % 6 !== 0;
}

function columnName(time) {
  return zoom === "week" ? day(time) : clock(time, false);
}

// The same for those who cannot see the columns.
function table(since) {
  const { column_s } = ZOOMS[zoom];
  const rows = joined().flatMap((each, index) =>
    Object.keys(each).length
      ? [make("tr", {}, make("th", { scope: "row" }, columnName(since + index * column_s * 1000)), make("td", {}, words(each)))]
      : [],
  );
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
  return ranked(part).map(([label, seconds]) => `${emotionText(label)} ${decimal(seconds, 0)} s`).join(", ");
}
