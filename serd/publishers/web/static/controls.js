// The controls of a source. What is shown is what the daemon has confirmed.

import { byId, make, setText } from "./dom.js";
import { change } from "./feed.js";
import { percent, text } from "./texts.js";

let shownName = "";

export function drawControls(source) {
  if (source.name !== shownName || !byId("controls").children.length) build(source);
  const { mute, threshold, cooldown_s } = source.controls;
  byId("mute").ariaChecked = mute;
  if (document.activeElement !== byId("threshold")) byId("threshold").value = threshold;
  setText(byId("threshold-value"), threshold ? `${percent(threshold)} %` : text("threshold_model"));
  if (document.activeElement !== byId("cooldown")) byId("cooldown").value = cooldown_s;
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
  shownName = source.name;
  const name = source.name;
  const mute = make("button", { id: "mute", type: "button", role: "switch", class: "switch", "aria-labelledby": "mute-label", "aria-describedby": "mute-about", onclick: () => set(name, "mute", mute.ariaChecked === "true" ? "OFF" : "ON") }, make("span"));
  const threshold = make("input", { id: "threshold", type: "range", min: 0, max: 0.95, step: 0.05, "aria-describedby": "threshold-about", onchange: () => set(name, "threshold", threshold.value), oninput: () => setText(byId("threshold-value"), Number(threshold.value) ? `${percent(threshold.value)} %` : text("threshold_model")) });
  const cooldown = make("input", { id: "cooldown", type: "number", min: 0, max: 3600, step: 1, "aria-describedby": "cooldown-about", onchange: () => set(name, "cooldown", cooldown.value) });
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
  while (next.get(key) !== null) {
    const now = next.get(key);
    next.set(key, null);
    await send(source, control, now);
  }
  next.delete(key);
}

async function send(source, control, value) {
  try {
    await change("controls", { source, control, value });
    showResult(text(control === "forget" ? "forgotten" : "changed"));
  } catch (error) {
    showResult(text("refused", { reason: error.message }));
  }
}

function askToForget(source) {
  const dialog = byId("sure");
  setText(byId("sure-text"), text("forget_sure", { source }));
  dialog.returnValue = "no";
  dialog.onclose = () => dialog.returnValue === "yes" && set(source, "forget", "");
  dialog.showModal();
}

