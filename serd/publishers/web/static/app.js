// Joins the parts of the page: which source is shown, and what is drawn after which change.

import { byId, make, setText } from "./dom.js";
import { ask, change, on, source, start, state } from "./feed.js";
import { drawControls, rebuildControls, showResult } from "./controls.js";
import { drawAge, drawEvent, drawLevel, drawPlane, drawVoice } from "./now.js";
import { drawAlerts, drawMood, drawUtterances, loadPast } from "./past.js";
import { drawSystem, refreshSystem } from "./system.js";
import { drawTimeline, setTimelineSource, startTimeline } from "./timeline.js";
import { choose, language, languages, text, translate } from "./texts.js";

const SYSTEM_MS = 10_000;
let name = "";
let today = "";

function current() {
  return source(name) ?? state.sources[0];
}

function drawAll() {
  const it = current();
  if (!it) return;
  name = it.name;
  today = new Date().toDateString();
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
  const names = state.sources.map((each) => each.name);
  nav.hidden = names.length < 2;
  // The buttons stay while they fit, or the one that was pressed would lose the focus.
  if (nav.dataset.names !== JSON.stringify(names)) {
    nav.dataset.names = JSON.stringify(names);
    nav.replaceChildren(...names.map((each) => make("button", { type: "button", onclick: () => { name = each; drawAll(); } }, each)));
  }
  [...nav.children].forEach((button, index) => { button.ariaPressed = String(names[index] === name); });
}

function drawConnection() {
  byId("main").dataset.connection = state.connection;
  byId("connection").dataset.state = state.connection;
  setText(byId("connection-text"), text(state.connection));
  later(drawVoice);
  later(drawLevel);
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
  await loadPast();
  later(drawUtterances);
  later(drawPlane);
  later(drawAlerts);
  refreshSystem();
});
on("level", () => later(drawLevel));
on("event", (event) => {
  later(drawEvent);
  later(drawPlane);
  // Not at each window, since a click on a row that is drawn again is lost.
  if (event.kind === "utterance") later(drawUtterances);
});
on("source", (body) => {
  later(drawVoice);
  later(drawLevel);
  if ("mood" in body) later(drawMood);
  if ("controls" in body) later(drawControls);
  if ("online" in body) later(drawSystem);
});
on("alert", () => later(drawAlerts));
on("refusal", (body) => body.source === name && showResult(text("refused", { reason: body.reason })));
on("stats", () => later(drawSystem));

function drawLanguages() {
  const select = byId("language");
  select.replaceChildren(...languages.map(([code, word]) => make("option", { value: code, selected: code === language() }, word)));
  select.onchange = () => {
    choose(select.value);
    drawConnection();
    if (current()) rebuildControls(current());
    drawAll();
    drawTimeline();
    settings?.redrawSettings();
  };
}

// The form, which is loaded when it is opened.
let settings = null;
async function openSettings() {
  if (settings || !byId("settings-details").open) return;
  try {
    const loaded = await import("./settings.js");
    if (settings) return; // it was opened twice meanwhile
    settings = loaded;
    settings.startSettings();
  } catch {
    setText(byId("settings-result"), text("not_loaded"));
  }
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
byId("settings-details").addEventListener("toggle", openSettings);
start();
setInterval(() => document.hidden || (current() && drawAge(current())), 1000);
setInterval(() => document.hidden || state.connection !== "live" || refreshSystem(), SYSTEM_MS);
setInterval(() => today === new Date().toDateString() || drawAll(), SYSTEM_MS); // times of yesterday have a date
showLogOut();
