// The settings as a form. Changes are collected, shown as a difference, and saved and applied together.

import { byId, make, setText } from "./dom.js";
import { ask, change, on } from "./feed.js";
import { text } from "./texts.js";

const APPLIED_MS = 5000;
const pending = new Map();
const open = new Set();
let described = null;
let saved = null;

// Begins to show the form; called when it is opened for the first time.
export function startSettings() {
  const details = byId("settings-details");
  details.ontoggle = () => details.open && load();
  load();
  byId("settings-review").onclick = review;
  byId("settings-drop").onclick = load;
  byId("difference-save").onclick = save;
  byId("difference-back").onclick = () => byId("difference").close();
  on("reload", () => {
    if (saved) finish();
    else if (details.open && !pending.size) load();
  });
}

// Draws the form again, in another language; what is not saved stays.
export function redrawSettings() {
  if (described) draw();
}

async function load() {
  try {
    described = await ask("settings");
  } catch (error) {
    say(error.message);
    return;
  }
  pending.clear();
  say("");
  draw();
}

function draw() {
  const sections = described.sections.map(drawSection);
  const locked = !described.has_password && make("p", { class: "about" }, text("settings_locked"), " ", make("code", {}, "serd web password"));
  byId("settings").replaceChildren(
    make("p", { class: "about" }, text("settings_about"), " ", make("code", {}, described.file)),
    ...(locked ? [locked] : []),
    ...sections,
  );
  drawPending();
}

function drawSection(part) {
  const header = part.is_new ? text("alert_new") : `[${part.section}]${part.name ? ` ${part.name}` : ""}`;
  const nameOf = part.is_new ? make("input", { type: "text", id: "set-alert-new", maxlength: 64, oninput: () => renew(part, nameOf.value) }) : null;
  const rows = part.fields.filter((field) => !(part.is_new && field.key === "name")).map((field) => drawField(part, field));
  const removal = part.is_own && part.may_change
    ? make("button", { type: "button", onclick: () => note([part.section, part.name, ""], null) }, text("alert_remove"))
    : null;
  return make(
    "details",
    { class: "settings-part", open: open.has(header), ontoggle: (event) => (event.target.open ? open.add(header) : open.delete(header)) },
    make("summary", {}, make("strong", {}, header), " ", make("span", { class: "about", lang: "en" }, part.is_new ? "" : part.about)),
    nameOf && make("div", { class: "setting" }, make("label", { for: "set-alert-new" }, make("code", {}, "name")), nameOf, make("p", { class: "about" }, text("alert_name"))),
    ...rows,
    removal && make("div", { class: "setting" }, removal),
  );
}

function drawField(part, field) {
  const id = `set-${part.section}-${part.is_new ? "new" : part.name}-${field.key}`;
  const key = [part.section, part.name, field.key];
  const isFixed = field.is_fixed || !part.may_change;
  const control = inputOf(field, id, isFixed, pendingValue(key, field.value), (value) => {
    if (part.is_new) renew(part, byId("set-alert-new").value, field.key, value);
    else if (value === field.value) forget(key);
    else note(key, value);
  });
  const back = field.is_own && !isFixed && !part.is_new
    ? make("button", { type: "button", class: "link", "aria-label": `${text("take_back")}: ${field.key}`, onclick: () => note(key, null) }, text("take_back"))
    : null;
  const origin = part.is_new ? null : make("p", { class: "about origin" }, originText(field), back ? " " : null, back);
  return make(
    "div",
    { class: "setting", "data-setting": key.join("/") },
    make("label", { for: id }, make("code", {}, field.key)),
    control,
    make("p", { class: "about", lang: "en", id: `${id}-about` }, field.about),
    origin,
  );
}

function inputOf(field, id, disabled, value, take) {
  const shared = { id, disabled, "aria-describedby": `${id}-about` };
  if (field.kind === "secret") return make("output", { id }, text(field.value ? "secret_set" : "secret_none"));
  if (field.kind === "switch") {
    return make("input", { ...shared, type: "checkbox", checked: value, onchange: (event) => take(event.target.checked) });
  }
  if (field.kind === "choice") {
    const options = field.choices.map((each) => make("option", { value: each, selected: each === value }, each));
    return make("select", { ...shared, onchange: (event) => take(event.target.value) }, ...options);
  }
  const isNumber = field.kind === "integer" || field.kind === "number";
  const read = (input) => (isNumber && input.value !== "" ? Number(input.value) : input.value);
  return make("input", { ...shared, type: isNumber ? "number" : "text", step: field.kind === "integer" ? 1 : "any", min: field.minimum, value: String(value), spellcheck: "false", onchange: (event) => take(read(event.target)) });
}

function originText(field) {
  if (field.is_own) return text("origin_page");
  return field.origin ? text("origin", { origin: field.origin }) : text("origin_default");
}

function pendingValue(key, value) {
  const waiting = pending.get(JSON.stringify(key));
  return waiting === undefined || waiting === null ? value : waiting;
}

// A new alert is sent with all its values, under the name that is typed.
const fresh = new Map();

function renew(part, name, key, value) {
  if (key) fresh.set(key, value);
  for (const each of [...pending.keys()]) if (JSON.parse(each)[3]) pending.delete(each);
  if (name) {
    for (const field of part.fields) {
      if (field.key !== "name") pending.set(JSON.stringify(["alert", name, field.key, true]), fresh.get(field.key) ?? field.value);
    }
  }
  drawPending();
}

function note(key, value) {
  pending.set(JSON.stringify(key), value);
  drawPending();
}

function forget(key) {
  pending.delete(JSON.stringify(key));
  drawPending();
}

function drawPending() {
  const keys = [...pending.keys()].map((each) => JSON.parse(each).slice(0, 3).join("/"));
  byId("settings-bar").hidden = !pending.size;
  setText(byId("settings-count"), text("changes", { n: pending.size }));
  for (const each of byId("settings").querySelectorAll("[data-setting]")) {
    each.classList.toggle("is-changed", keys.includes(each.dataset.setting));
  }
}

function asked(save) {
  const changes = [...pending].map(([each, value]) => {
    const [section, name, key] = JSON.parse(each);
    return { section, name, key, value };
  });
  return change("settings", { changes, tag: described.tag, save });
}

async function review() {
  try {
    const { difference } = await asked(false);
    if (!difference.length) {
      say(text("nothing_changes"));
      return;
    }
    const kinds = { "+": "plus", "-": "minus" };
    byId("difference-lines").replaceChildren(...difference.map((line) => make("span", { class: kinds[line[0]] ?? "same" }, `${line}\n`)));
    say("");
    byId("difference").showModal();
  } catch (error) {
    say(text("refused", { reason: error.message }));
  }
}

async function save() {
  byId("difference").close();
  const since = Date.now();
  try {
    saved = { since, timer: setTimeout(finish, APPLIED_MS) };
    await asked(true);
    say(text("settings_saved"));
  } catch (error) {
    clearTimeout(saved.timer);
    saved = null;
    say(text("refused", { reason: error.message }));
  }
}

// After the reload: the form shows what is in force, and what serd could not apply.
async function finish() {
  const { since, timer } = saved;
  clearTimeout(timer);
  saved = null;
  fresh.clear();
  await load();
  const { lines } = await ask("log");
  const errors = lines.filter((line) => line.level === "error" && Date.parse(line.time) >= since);
  say(errors.length ? text("not_applied", { reason: errors.map((line) => line.text).join("; ") }) : text("settings_applied"));
}

function say(words) {
  setText(byId("settings-result"), words);
}
