// The last utterances, the mood of the last minutes, and the alerts.

import { byId, colour, make, setText } from "./dom.js";
import { ask, remember, rememberAlerts, state } from "./feed.js";
import { decimal, duration, emotionText, percent, text, when } from "./texts.js";

const ROWS = 40;
const ALERT_LINES = 5;

export function drawUtterances() {
  const isOfSeveral = state.sources.length > 1;
  const events = state.utterances.slice(0, ROWS);
  const table = byId("utterances");
  if (!events.length) {
    table.replaceChildren(make("tbody", {}, make("tr", {}, make("td", { class: "empty" }, text("utterances_none")))));
    return;
  }
  table.classList.toggle("has-sound", Boolean(state.keeps_sound));
  const listened = document.activeElement?.dataset.listen;
  const columns = ["time", "emotion", "confidence", "length", "valence", "arousal", ...(isOfSeveral ? ["source"] : []), ...(state.keeps_sound ? ["sound"] : [])];
  const head = columns.map((key) => make("th", { scope: "col", class: `col-${key}` }, text(`col_${key}`)));
  table.replaceChildren(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...events.map((each) => row(each, isOfSeveral))));
  if (listened) table.querySelector(`[data-listen="${CSS.escape(listened)}"]`)?.focus();
}

function row(event, isOfSeveral) {
  const fill = make("span", { class: "fill" });
  fill.style.setProperty("--share", `${100 * event.confidence}%`);
  const dimension = (value) => make("td", { class: "number may-hide" }, value === undefined ? "" : decimal(value, 2));
  return make(
    "tr",
    { class: colour(event.emotion) },
    make("td", { class: "number of-time" }, when(event.time)),
    make("td", {}, make("span", { class: "swatch" }), emotionText(event.emotion)),
    make("td", { class: "number col-confidence" }, make("span", { class: "track", "aria-hidden": "true" }, fill), `${percent(event.confidence)} %`),
    make("td", { class: "number may-hide" }, `${decimal(event.end_s - event.start_s, 1)} s`),
    dimension(event.dimensions?.valence),
    dimension(event.dimensions?.arousal),
    isOfSeveral ? make("td", { class: "of-source" }, event.source) : null,
    state.keeps_sound ? make("td", {}, listen(event)) : null,
  );
}

// The button that plays an utterance; the module is loaded when it is needed.
function listen(event) {
  const label = text("listen_to", { time: when(event.time), emotion: emotionText(event.emotion) });
  const open = () => import("./heard.js").then((heard) => heard.openSound(event), () => say(text("not_loaded")));
  return make("button", { type: "button", class: "play", "data-listen": event.id, "aria-label": label, title: text("listen"), onclick: open }, "▶");
}

export function drawMood(source) {
  const spans = source.mood ? ["short", "medium", "long"].map((key) => source.mood[key]) : [];
  byId("mood").replaceChildren(
    ...spans.map((span) => {
      const parts = Object.entries(span.shares).sort((a, b) => b[1] - a[1]);
      const pieces = parts.map(([label, share]) => {
        const piece = make("span", { class: `piece ${colour(label)}`, title: `${emotionText(label)} ${percent(share)} %` });
        piece.style.setProperty("--part", `${100 * share}%`);
        return piece;
      });
      const words = parts.length
        ? parts.slice(0, 2).map(([label, share]) => `${emotionText(label)} ${percent(share)} %`).join(", ")
        : text("mood_none");
      return make(
        "div",
        { class: "mood-row" },
        make("p", {}, make("span", {}, text("mood_span", { minutes: decimal(span.span_s / 60, 0) })), make("span", { class: "number" }, text("speech_s", { time: duration(span.speech_s) }))),
        make("div", { class: "shares-bar", "aria-hidden": "true" }, ...pieces),
        make("p", { class: "about" }, words),
      );
    }),
  );
}

// The alerts of a source, and the latest of its changes; those of before the page came are asked for once.
export function drawAlerts(source) {
  const names = Object.keys(source.alerts);
  if (!names.length) {
    byId("alerts").replaceChildren(make("p", { class: "about" }, text("alerts_none")));
    return;
  }
  const list = names.map((name) =>
    make("li", { class: source.alerts[name] ? "alert is-on" : "alert" }, make("span", {}, name), make("strong", {}, text(source.alerts[name] ? "alert_on" : "alert_off"))),
  );
  const changes = state.alert_changes?.filter((each) => each.source === source.name).slice(-ALERT_LINES).reverse();
  const lines = changes?.map((each) => make("li", {}, `${when(each.time)} ${each.name} ${text(each.on ? "turned_on" : "turned_off")}`));
  byId("alerts").replaceChildren(
    make("ul", { class: "alert-list" }, ...list),
    lines ? make("ul", { class: "about" }, ...(lines.length ? lines : [make("li", {}, text("changes_none"))])) : "",
  );
}

// Asks for what was before the page came.
export async function loadPast() {
  const [past, alerts] = await Promise.allSettled([ask("history?limit=60"), ask("alerts")]);
  if (past.value) remember(past.value.events);
  if (alerts.value) rememberAlerts(alerts.value.changes);
  say(past.reason?.message ?? "");
}

function say(words) {
  setText(byId("utterances-result"), words);
}
