// The controls of a source. What is shown is what the daemon has confirmed, but for a value on its way there.

import { byId, make, setText } from "./dom.js";
import { change, source as sourceOf } from "./feed.js";
import { percent, text } from "./texts.js";

let shownName = "";
const edited = new Set(); // fields with a value that is typed or dragged, and not sent

export function drawControls(source) {
  if (source.name !== shownName || !byId("controls").children.length) build(source);
  const { mute, threshold, cooldown_s } = source.controls;
  const isOnItsWay = (control) => edited.has(control) || next.has(`${source.name}/${control}`);
  byId("mute").ariaChecked = mute;
  if (!isOnItsWay("threshold")) {
    byId("threshold").value = threshold;
    drawThreshold(threshold);
  }
  if (!isOnItsWay("cooldown")) byId("cooldown").value = cooldown_s;
}

function drawThreshold(threshold) {
  setText(byId("threshold-value"), threshold ? `${percent(threshold)} %` : text("threshold_model"));
}

// Draws the controls again, in another language.
export function rebuildControls(source) {
  shownName = "";
  drawControls(source);
}

export function showResult(words) {
  setText(byId("controls-result"), words);
}

function build(source) {
  showResult("");
  shownName = source.name;
  edited.clear();
  const name = source.name;
  // What is typed is sent when the field is left or Enter pressed; then the field is the daemon's again.
  const field = (key, attributes) => {
    const onchange = (event) => { edited.delete(key); set(name, key, event.target.value); };
    const onblur = () => { edited.delete(key); queueMicrotask(() => redraw(name)); };
    return make("input", { id: key, ...attributes, "aria-describedby": `${key}-about`, onchange, onblur });
  };
  const mute = make("button", { id: "mute", type: "button", role: "switch", class: "switch", "aria-labelledby": "mute-label", "aria-describedby": "mute-about", onclick: () => set(name, "mute", mute.ariaChecked === "true" ? "OFF" : "ON") }, make("span"));
  const threshold = field("threshold", { type: "range", min: 0, max: 0.95, step: 0.05, oninput: () => { edited.add("threshold"); drawThreshold(Number(threshold.value)); } });
  const cooldown = field("cooldown", { type: "number", min: 0, max: 3600, step: 1, oninput: () => edited.add("cooldown") });
  const forget = make("button", { id: "forget", type: "button", "aria-describedby": "forget-about", onclick: () => askToForget(name) }, text("forget"));
  const about = (key) => make("p", { class: "about", id: `${key}-about` }, text(`${key}_about`));
  byId("controls").replaceChildren(
    make("div", { class: "control" }, make("span", { id: "mute-label" }, text("mute")), mute, about("mute")),
    make("div", { class: "control" }, make("label", { for: "threshold" }, text("threshold")), make("span", { class: "number", id: "threshold-value" }), threshold, about("threshold")),
    make("div", { class: "control" }, make("label", { for: "cooldown" }, text("cooldown")), make("span", { class: "with-unit" }, cooldown, " s"), about("cooldown")),
    make("div", { class: "control" }, forget, about("forget")),
  );
}

// One request at a time for each control, since two at once may arrive in any order; of the values that
// come meanwhile only the last is sent.
const next = new Map();

async function set(source, control, value) {
  const key = `${source}/${control}`;
  const isUnderway = next.has(key);
  next.set(key, value);
  if (isUnderway) return;
  let isSaved = false;
  while (next.get(key) !== null) {
    const now = next.get(key);
    next.set(key, null);
    isSaved = await send(source, control, now);
  }
  next.delete(key);
  if (!isSaved) redraw(source);
}

function redraw(name) {
  const it = sourceOf(name);
  if (it && name === shownName) drawControls(it);
}

// Sends a value; resolves to whether it was accepted.
async function send(source, control, value) {
  try {
    await change("controls", { source, control, value });
    showResult(text(control === "forget" ? "forgotten" : "changed"));
    return true;
  } catch (error) {
    showResult(text("refused", { reason: error.message }));
    return false;
  }
}

function askToForget(source) {
  const dialog = byId("sure");
  setText(byId("sure-text"), text("forget_sure", { source }));
  dialog.returnValue = "no";
  dialog.onclose = () => dialog.returnValue === "yes" && set(source, "forget", "");
  dialog.showModal();
}

