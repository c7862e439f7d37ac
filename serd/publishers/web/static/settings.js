// The settings as a form. Changes are collected, shown as a difference, and saved and applied together.

import { byId, make, setText } from "./dom.js";
import { ask, change, on } from "./feed.js";
import { text } from "./texts.js";

const LOOK_MS = 500;
const N_LOOKS = 60; // a source can take its time to close
const CONFLICT = 409;
const pending = new Map(); // the new value of each setting, by section, name and key; null to take it back
const fresh = new Map(); // the values of a new alert that differ from the defaults, by key
const open = new Set();
let described = null;
let reloaded = null; // while something is saved: called when serd has read its settings again

// Begins to show the form; called when it is opened for the first time.
export function startSettings() {
  const details = byId("settings-details");
  details.ontoggle = () => details.open && !nChanges() && load();
  load();
  byId("settings-review").onclick = review;
  byId("settings-drop").onclick = drop;
  byId("difference-save").onclick = save;
  byId("difference-back").onclick = () => byId("difference").close();
  on("reload", () => {
    if (reloaded) reloaded();
    else if (details.open && !nChanges()) load();
  });
}

// Draws the form again, in another language; what is not saved stays.
export function redrawSettings() {
  if (described) draw();
}

// Reads the settings; changes that are not saved stay.
async function load() {
  try {
    described = await ask("settings");
  } catch (error) {
    say(error.message);
    return;
  }
  say("");
  draw();
}

function drop() {
  forgetChanges();
  load();
}

function forgetChanges() {
  pending.clear();
  fresh.clear();
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
  const nameOf = part.is_new ? make("input", { type: "text", id: "set-alert-new", maxlength: 64, value: fresh.get("name") ?? "", oninput: () => renew("name", nameOf.value, "") }) : null;
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
  const shown = part.is_new ? fresh.get(field.key) ?? field.value : pendingValue(key, field.value);
  const control = inputOf(field, id, isFixed, shown, (value) => {
    if (part.is_new) renew(field.key, value, field.value);
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

function renew(key, value, without) {
  if (value === without) fresh.delete(key);
  else fresh.set(key, value);
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

function nChanges() {
  return pending.size + (fresh.size ? 1 : 0);
}

function drawPending() {
  const keys = [...pending.keys()].map((each) => JSON.parse(each).join("/"));
  byId("settings-bar").hidden = !nChanges();
  setText(byId("settings-count"), text("changes", { n: nChanges() }));
  for (const each of byId("settings").querySelectorAll("[data-setting]")) {
    each.classList.toggle("is-changed", keys.includes(each.dataset.setting));
  }
}

function changes() {
  const all = [...pending].map(([each, value]) => {
    const [section, name, key] = JSON.parse(each);
    return { section, name, key, value };
  });
  return fresh.size ? [...all, ...newAlert()] : all;
}

// A new alert is sent with all its values, under the name that is typed.
function newAlert() {
  const { section, fields } = described.sections.find((each) => each.is_new);
  const name = fresh.get("name") ?? "";
  const others = fields.filter(({ key }) => key !== "name");
  return others.map(({ key, value }) => ({ section, name, key, value: fresh.get(key) ?? value }));
}

function asked(save) {
  return change("settings", { changes: changes(), tag: described.tag, save });
}

// Shows what changes; if the settings are others by now, what changes in those.
async function review() {
  try {
    const { difference } = await asked(false).catch(async (error) => {
      if (error.status !== CONFLICT) throw error;
      await load();
      return asked(false);
    });
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
  let isApplied = false;
  reloaded = () => { isApplied = true; };
  try {
    const since = Date.parse((await ask("log")).lines.at(-1)?.time ?? 0);
    await asked(true);
    forgetChanges();
    drawPending();
    say(text("settings_saved"));
    const errors = await applied(since, () => isApplied);
    await load();
    say(errors ? text("not_applied", { reason: errors }) : text(isApplied ? "settings_applied" : "settings_pending"));
  } catch (error) {
    if (error.status === CONFLICT) return review();
    say(text("refused", { reason: error.message }));
  } finally {
    reloaded = null;
  }
}

// Waits until serd has read its settings again or has said in the log why not; resolves to what it said.
async function applied(since, isApplied) {
  for (let n = 0; n < N_LOOKS; n++) {
    const isLast = isApplied();
    const { lines } = await ask("log").catch(() => ({ lines: [] }));
    const errors = lines.filter((line) => line.level === "error" && Date.parse(line.time) > since);
    if (errors.length || isLast) return errors.map((line) => line.text).join("; ");
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
  return "";
}

function say(words) {
  setText(byId("settings-result"), words);
}
