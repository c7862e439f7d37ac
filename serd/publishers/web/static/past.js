// The last utterances, the mood of the last minutes, and the alerts.

import { byId, colour, make, setText } from "./dom.js";
import { ask, state } from "./feed.js";
import { clock, decimal, emotionText, percent, text, weekday } from "./texts.js";

const ROWS = 40;

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
  const isToday = new Date(event.time).toDateString() === new Date().toDateString();
  const fill = make("span", { class: "fill" });
  fill.style.setProperty("--share", `${100 * event.confidence}%`);
  const dimension = (value) => make("td", { class: "number may-hide" }, value === undefined ? "" : decimal(value, 2));
  return make(
    "tr",
    { class: colour(event.emotion) },
    make("td", { class: "number" }, isToday ? clock(event.time) : `${weekday(event.time)} ${clock(event.time, false)}`),
    make("td", {}, make("span", { class: "swatch" }), emotionText(event.emotion)),
    make("td", { class: "number col-confidence" }, make("span", { class: "track", "aria-hidden": "true" }, fill), `${percent(event.confidence)} %`),
    make("td", { class: "number may-hide" }, `${decimal(event.end_s - event.start_s, 1)} s`),
    dimension(event.dimensions?.valence),
    dimension(event.dimensions?.arousal),
    isOfSeveral ? make("td", {}, event.source) : null,
    state.keeps_sound ? make("td", {}, listen(event)) : null,
  );
}

// The button that plays an utterance; the module is loaded when it is needed.
function listen(event) {
  const label = text("listen_to", { time: clock(event.time), emotion: emotionText(event.emotion) });
  const open = async () => (await import("./heard.js")).openSound(event);
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
        make("p", {}, make("span", {}, text("mood_span", { minutes: decimal(span.span_s / 60, 0) })), make("span", { class: "number" }, text("speech_s", { seconds: decimal(span.speech_s, 0) }))),
        make("div", { class: "shares-bar", "aria-hidden": "true" }, ...pieces),
        make("p", { class: "about" }, words),
      );
    }),
  );
}

export async function drawAlerts(source) {
  const names = Object.keys(source.alerts);
  const list = names.map((name) =>
    make("li", { class: source.alerts[name] ? "alert is-on" : "alert" }, make("span", {}, name), make("strong", {}, text(source.alerts[name] ? "alert_on" : "alert_off"))),
  );
  let changes = [];
  if (names.length) {
    try {
      changes = (await ask("alerts")).changes.filter((each) => each.source === source.name).slice(-5).reverse();
    } catch {
      changes = [];
    }
  }
  const lines = changes.map((each) => make("li", {}, `${clock(each.time)} ${each.name} ${text(each.on ? "turned_on" : "turned_off")}`));
  byId("alerts").replaceChildren(
    names.length ? make("ul", { class: "alert-list" }, ...list) : make("p", { class: "about" }, text("alerts_none")),
    names.length ? (lines.length ? make("ul", { class: "about plain" }, ...lines) : make("p", { class: "about" }, text("changes_none"))) : "",
  );
}

export async function loadUtterances(remember) {
  try {
    remember((await ask("history?limit=60")).events);
  } catch (error) {
    setText(byId("controls-result"), error.message);
  }
}
