// Joins the parts of the page: which source is shown, and what is drawn after which change.

import { byId, make, setText } from "./dom.js";
import { ask, change, on, remember, source, start, state } from "./feed.js";
import { drawControls, rebuildControls, showResult } from "./controls.js";
import { drawAge, drawEvent, drawLevel, drawPlane, drawVoice } from "./now.js";
import { drawAlerts, drawMood, drawUtterances, loadUtterances } from "./past.js";
import { drawSystem, refreshSystem } from "./system.js";
import { drawTimeline, setTimelineSource, startTimeline } from "./timeline.js";
import { choose, language, languages, text, translate } from "./texts.js";

const SYSTEM_MS = 10_000;
let name = "";
let connection = "connecting";

function current() {
  return source(name) ?? state.sources[0];
}

function drawAll() {
  const it = current();
  if (!it) return;
  name = it.name;
  setText(byId("node"), state.node);
  document.title = `serd · ${state.node}`;
  drawTabs();
  drawVoice(it);
  drawLevel(it);
  drawEvent(it);
  drawPlane(it);
  drawMood(it);
  drawAlerts(it);
  drawControls(it);
  drawUtterances();
  drawSystem();
  setTimelineSource(name);
}

function drawTabs() {
  const nav = byId("sources");
  nav.hidden = state.sources.length < 2;
  nav.replaceChildren(
    ...state.sources.map((each) =>
      make("button", { type: "button", "aria-pressed": String(each.name === name), onclick: () => { name = each.name; drawAll(); } }, each.name),
    ),
  );
}

function drawConnection(next = connection) {
  connection = next;
  byId("connection").dataset.state = next;
  setText(byId("connection-text"), text(next));
}

// Draws once for each frame, however many changes there were.
const waiting = new Set();
function later(draw) {
  if (!waiting.size) {
    requestAnimationFrame(() => {
      const all = [...waiting];
      waiting.clear();
      const it = current();
      if (it) for (const each of all) each(it);
    });
  }
  waiting.add(draw);
}

on("connection", drawConnection);
on("state", async () => {
  drawAll();
  await loadUtterances(remember);
  drawUtterances();
  drawPlane(current());
  refreshSystem();
});
on("level", () => later(drawLevel));
on("event", () => {
  later(drawEvent);
  later(drawPlane);
  later(drawUtterances);
});
on("source", (body) => {
  later(drawVoice);
  later(drawLevel);
  if ("mood" in body) later(drawMood);
  if ("controls" in body) later(drawControls);
  if ("online" in body) later(drawSystem);
});
on("alert", () => later(drawAlerts));
on("refusal", (body) => showResult(text("refused", { reason: body.reason })));
on("stats", () => later(drawSystem));

function drawLanguages() {
  const select = byId("language");
  select.replaceChildren(...languages.map(([code, word]) => make("option", { value: code, selected: code === language() }, word)));
  select.onchange = () => {
    choose(select.value);
    drawConnection();
    rebuildControls(current());
    drawAll();
    drawTimeline();
    settings?.redrawSettings();
  };
}

// The form, which is loaded when it is opened.
let settings = null;
async function openSettings() {
  settings = await import("./settings.js");
  settings.startSettings();
}

async function showLogOut() {
  const { has_password } = await ask("session");
  const button = byId("log-out");
  button.hidden = !has_password;
  button.onclick = () => change("logout", {}).finally(() => location.reload());
}

translate(document);
drawLanguages();
startTimeline();
byId("settings-details").addEventListener("toggle", openSettings, { once: true });
start();
setInterval(() => document.hidden || (current() && drawAge(current())), 1000);
setInterval(() => document.hidden || connection !== "live" || refreshSystem(), SYSTEM_MS);
showLogOut();
