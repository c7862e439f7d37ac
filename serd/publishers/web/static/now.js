// What one source hears now: voice, level, emotion, probabilities, and the valence-arousal plane.

import { byId, colour, make, makeSvg, setText } from "./dom.js";
import { state } from "./feed.js";
import { ago, decimal, emotionText, percent, text } from "./texts.js";

const MIN_DBFS = -80;
const STALE_S = 30;
const TRAIL = 24;

export function drawVoice(source) {
  const shown = voiceOf(source);
  byId("voice").dataset.state = shown;
  const words = {
    unknown: text("voice_unknown"),
    offline: source.reason ? text("offline_why", { reason: source.reason }) : text("offline"),
    muted: text("muted"),
    on: text("voice_on"),
    off: text("voice_off"),
  };
  setText(byId("voice-text"), words[shown]);
}

function voiceOf(source) {
  if (state.connection === "away") return "unknown";
  if (!source.online) return "offline";
  if (source.controls.mute) return "muted";
  return source.speaking ? "on" : "off";
}

export function drawLevel(source) {
  const isAway = state.connection === "away";
  const level = isAway || source.controls.mute ? null : source.level_dbfs;
  const shown = Math.min(0, Math.max(MIN_DBFS, level ?? MIN_DBFS));
  const meter = byId("meter");
  meter.style.setProperty("--level", `${(100 * (shown - MIN_DBFS)) / -MIN_DBFS}%`);
  meter.ariaValueNow = Math.round(shown);
  const words = level === null ? text(isAway ? "level_unknown" : "no_sound") : text("level_value", { level: Math.round(level) });
  meter.ariaValueText = words;
  setText(byId("meter-value"), words);
}

export function drawEvent(source) {
  const event = source.event;
  const verdict = byId("verdict");
  verdict.dataset.event = event?.id ?? "";
  verdict.className = `verdict ${event ? colour(event.emotion) : "is-other"}`;
  drawBars(event);
  if (!event) {
    setText(byId("emotion-text"), text("waiting"));
    setText(byId("emotion-about"), "");
    byId("now").classList.remove("is-stale");
    return;
  }
  setText(byId("emotion-text"), emotionText(event.emotion));
  drawAge(source);
}

// The line below the emotion, which grows old.
export function drawAge(source) {
  const event = source.event;
  if (!event) return;
  const old_s = event.time ? (Date.now() - Date.parse(event.time)) / 1000 : 0;
  byId("now").classList.toggle("is-stale", old_s > STALE_S);
  const kind = event.provisional ? "early" : event.kind === "window" ? "window" : "utterance";
  const sure =
    event.emotion === "uncertain"
      ? text("not_sure", { percent: percent(event.confidence), emotion: emotionText(likeliest(event)) })
      : text("confidence", { percent: percent(event.confidence) });
  const about = `${sure} · ${text(kind)} · ${text("heard", { ago: ago(old_s) })}`;
  setText(byId("emotion-about"), about.replace(". ·", "."));
}

function likeliest(event) {
  return Object.entries(event.scores).reduce((best, each) => (each[1] > best[1] ? each : best), ["", -1])[0];
}

function drawBars(event) {
  const bars = byId("bars");
  if (bars.children.length !== state.labels.length || bars.dataset.labels !== state.labels.join()) {
    bars.dataset.labels = state.labels.join();
    bars.replaceChildren(...state.labels.map(() => bar()));
  }
  state.labels.forEach((label, index) => {
    const [name, value] = bars.children[index].children;
    const score = event?.scores[label] ?? 0;
    const isGrey = !event || event.emotion === "uncertain";
    bars.children[index].className = `bar ${isGrey ? "is-grey" : colour(label)}`;
    bars.children[index].classList.toggle("is-chosen", event?.emotion === label);
    setText(name, emotionText(label));
    value.firstChild.firstChild.style.setProperty("--share", `${100 * score}%`);
    setText(value.lastChild, `${percent(score)} %`);
  });
}

function bar() {
  const track = make("span", { class: "track", "aria-hidden": "true" }, make("span", { class: "fill" }));
  return make("div", { class: "bar" }, make("dt"), make("dd", {}, track, make("span", { class: "number" })));
}

// The latest events of a source as a trail, the newest as a dot; x is valence, y is arousal.
export function drawPlane(source) {
  const points = state.utterances
    .filter((each) => each.source === source.name && each.dimensions)
    .slice(0, TRAIL)
    .reverse();
  const last = source.event;
  if (last?.dimensions && last.id !== points.at(-1)?.id) points.push(last);
  const latest = points.at(-1);
  const label = latest
    ? text("plane_label", {
        valence: decimal(latest.dimensions.valence, 2),
        arousal: decimal(latest.dimensions.arousal, 2),
      })
    : text("plane_none");
  const place = (event) => [110 + 92 * event.dimensions.valence, 110 - 92 * event.dimensions.arousal];
  const trail = points.slice(1).map((event, index) => {
    const [x1, y1] = place(points[index]);
    const [x2, y2] = place(event);
    const opacity = (0.05 + (0.45 * (index + 1)) / points.length).toFixed(2);
    return makeSvg("line", { class: "trail", x1, y1, x2, y2, opacity });
  });
  const dots = points.map((event, index) => {
    const [cx, cy] = place(event);
    const isLast = index === points.length - 1;
    const opacity = isLast ? 1 : (0.15 + (0.5 * (index + 1)) / points.length).toFixed(2);
    const r = isLast ? 7 : 3.5;
    return makeSvg("circle", { class: `${colour(event.emotion)}${isLast ? " latest" : ""}`, cx, cy, r, opacity });
  });
  const word = (key, x, y, anchor, turn) =>
    makeSvg("text", { x, y, "text-anchor": anchor, transform: turn && `rotate(-90 ${x} ${y})` }, text(key));
  byId("plane").replaceChildren(
    makeSvg(
      "svg",
      { viewBox: "0 0 220 220", role: "img", "aria-label": label },
      makeSvg("rect", { class: "plane-ground", x: 18, y: 18, width: 184, height: 184, rx: 10 }),
      makeSvg("path", { class: "plane-axes", d: "M110 18v184M18 110h184" }),
      word("excited", 110, 12, "middle"),
      word("passive", 110, 215, "middle"),
      word("unpleasant", 12, 110, "middle", true),
      word("pleasant", 215, 110, "middle", true),
      ...trail,
      ...dots,
    ),
  );
}
