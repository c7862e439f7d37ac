// What was heard: plays the sound of the windows of an utterance, and keeps what somebody hears in it.

import { byId, colour, make, setText } from "./dom.js";
import { ask, change, state } from "./feed.js";
import { clock, decimal, emotionText, percent, text, when } from "./texts.js";

const WRONG = "wrong";
const LATER_MS = 10_000; // the last window may end after its utterance, by the hangover
let shown = null;

// Opens the windows of an utterance.
export async function openSound(event) {
  shown = event;
  const dialog = byId("heard");
  setText(byId("heard-about"), `${when(event.time)} · ${event.source} · ${emotionText(event.emotion)} ${percent(event.confidence)} %`);
  byId("heard-list").replaceChildren();
  say("");
  byId("heard-close").onclick = () => dialog.close();
  dialog.onclose = () => {
    shown = null;
    stop();
    document.querySelector(`[data-listen="${CSS.escape(event.id)}"]`)?.focus();
  };
  dialog.showModal();
  await load(event);
}

async function load(event) {
  const [start, end] = span(event);
  const [since, until] = [start, end + LATER_MS].map((each) => new Date(each).toISOString());
  const query = new URLSearchParams({ source: event.source, since, until });
  try {
    const { clips } = await ask(`clips?${query}`);
    if (shown === event) draw(clips.filter((each) => span(each.event)[0] < end));
  } catch (error) {
    if (shown === event) say(error.message);
  }
}

// Start and end of the sound of an event, in milliseconds since 1970.
function span(event) {
  const end = Date.parse(event.time);
  return [end - 1000 * (event.end_s - event.start_s), end];
}

function draw(clips) {
  const list = byId("heard-list");
  if (!clips.length) say(text("heard_none"));
  else if (!state.keeps_events) say(text("marks_need_history"));
  const rows = clips.map((clip, index) => row(clip, index));
  list.replaceChildren(...rows.map((each) => each.element));
  byId("heard-all").replaceChildren(...(clips.length > 1 && state.keeps_events ? [allChoice(rows)] : []));
}

// One window: its sound, what serd made of it, and what it was by ear.
function row(clip, index) {
  const event = clip.event;
  const number = index + 1;
  const time = clock(event.time);
  const play = make("button", { type: "button", class: "play", "aria-label": text("play", { number, time }), onclick: () => toggle(play, event.id) }, "▶");
  const right = make("button", { type: "button", onclick: () => mark(right.ariaPressed === "true" ? "" : event.emotion) }, `✓ ${text("right")}`);
  const wrong = make("button", { type: "button", onclick: () => mark(wrong.ariaPressed === "true" ? "" : WRONG) }, `✗ ${text("wrong")}`);
  const choice = emotionChoice(text("it_was", { number, time }), text("was"), () => mark(choice.value || WRONG));
  right.hidden = !state.labels.includes(event.emotion);

  function show(emotion) {
    const isNamed = Boolean(emotion) && emotion !== WRONG;
    right.ariaPressed = String(emotion === event.emotion);
    wrong.ariaPressed = String(Boolean(emotion) && emotion !== event.emotion);
    choice.value = isNamed ? emotion : "";
  }

  async function mark(emotion) {
    try {
      await change("marks", { id: event.id, emotion });
      clip.mark = emotion || null;
      say(text(emotion ? "marked" : "unmarked"));
    } catch (error) {
      say(text("refused", { reason: error.message }));
    }
    show(clip.mark);
  }

  show(clip.mark);
  const length = `${decimal(event.end_s - event.start_s, 1)} s`;
  const element = make(
    "li",
    { class: `heard ${colour(event.emotion)}` },
    play,
    make("div", {}, make("p", {}, make("span", { class: "swatch" }), make("strong", {}, emotionText(event.emotion)), ` ${percent(event.confidence)} %`), make("p", { class: "about number" }, `${time} · ${length}`)),
    state.keeps_events ? make("div", { class: "buttons", role: "group", "aria-label": text("mark_of", { number, time }) }, right, wrong, choice) : null,
  );
  return { element, mark };
}

function allChoice(rows) {
  const choice = emotionChoice(text("all_were"), text("all_were"), async () => {
    const emotion = choice.value;
    choice.disabled = true;
    if (emotion) for (const each of rows) await each.mark(emotion);
    choice.disabled = false;
    choice.value = "";
  });
  return choice;
}

function emotionChoice(label, none, onchange) {
  const options = state.labels.map((each) => make("option", { value: each }, emotionText(each)));
  return make("select", { "aria-label": label, onchange }, make("option", { value: "" }, none), ...options);
}

function toggle(button, id) {
  const player = byId("player");
  const isPlaying = button.dataset.playing;
  stop();
  if (isPlaying) return;
  button.dataset.playing = "yes";
  button.textContent = "■";
  player.onended = stop;
  player.onerror = () => {
    stop();
    say(text("sound_gone"));
  };
  player.src = `api/v1/clips/${encodeURIComponent(id)}/sound`;
  player.play().catch(() => {}); // onerror tells; a stop is no error
}

function stop() {
  const player = byId("player");
  player.onended = player.onerror = null;
  player.pause();
  player.removeAttribute("src");
  for (const each of byId("heard-list").querySelectorAll("[data-playing]")) {
    delete each.dataset.playing;
    each.textContent = "▶";
  }
}

function say(words) {
  setText(byId("heard-result"), words);
}
