// The texts of the page in the chosen language, and numbers and times as that language writes them.

const KEY = "serd-language";
const response = await fetch("static/texts.json");
const all = await response.json();

export const languages = Object.entries(all).map(([code, texts]) => [code, texts.language]);
let code = chosen();

function chosen() {
  const wanted = [stored(), ...navigator.languages].map((each) => (each ?? "").slice(0, 2));
  return wanted.find((each) => each in all) ?? "en";
}

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // the browser keeps nothing for this page
  }
}

export function language() {
  return code;
}

export function choose(next) {
  code = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // It is forgotten with the page.
  }
  translate(document);
}

// A text by its key, with the values for its {names}.
export function text(key, values = {}) {
  return all[code][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// The word for a label of the model, which may be one that the texts do not know.
export function emotionText(label) {
  return all[code].emotion[label] ?? label;
}

export function translate(root) {
  document.documentElement.lang = code;
  for (const each of root.querySelectorAll("[data-text]")) each.textContent = text(each.dataset.text);
  for (const each of root.querySelectorAll("[data-label]")) each.ariaLabel = text(each.dataset.label);
}

export function clock(time, withSeconds = true) {
  const parts = { hour: "2-digit", minute: "2-digit", ...(withSeconds && { second: "2-digit" }) };
  return new Date(time).toLocaleTimeString(code, { ...parts, hourCycle: "h23" });
}

export function day(time) {
  return new Date(time).toLocaleDateString(code, { weekday: "short", day: "numeric", month: "short" });
}

// A time of the past: of today to the second, else with its date.
export function when(time) {
  const moment = new Date(time);
  if (moment.toDateString() === new Date().toDateString()) return clock(moment);
  const date = moment.toLocaleDateString(code, { day: "numeric", month: "short" });
  return `${date}, ${clock(moment, false)}`;
}

export function decimal(value, digits) {
  return value.toLocaleString(code, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function percent(value) {
  return Math.round(100 * value);
}

// A length of time in its two largest units.
export function duration(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const parts = [];
  let left = Math.max(0, Math.round(seconds));
  for (const [unit, size] of units) {
    const n = Math.floor(left / size);
    if (n || (unit === "s" && !parts.length)) parts.push(`${n} ${unit}`);
    left -= n * size;
  }
  return parts.slice(0, 2).join(" ");
}

export function ago(seconds) {
  const relative = new Intl.RelativeTimeFormat(code, { numeric: "auto" });
  if (seconds < 60) return relative.format(-Math.max(0, Math.round(seconds)), "second");
  if (seconds < 3600) return relative.format(-Math.round(seconds / 60), "minute");
  if (seconds < 86400) return relative.format(-Math.round(seconds / 3600), "hour");
  return relative.format(-Math.round(seconds / 86400), "day");
}
