// As much of a browser as the modules of the page use, for tests of their logic in Node.js: elements without
// a layout, a stream of events and requests that the test answers itself, in any order.

import { readFileSync } from "node:fs";

class FakeElement extends EventTarget {
  constructor(tag) {
    super();
    Object.assign(this, { tag, children: [], dataset: {}, own: "", hidden: false, isOpen: false });
    this.style = { setProperty() {} };
    this.classList = { add() {}, remove() {}, toggle() {} };
  }
  setAttribute(name, value) {
    if (name === "id") elements.set(value, this);
    if (name === "value") this.value = value;
    if (name.startsWith("data-")) this.dataset[name.slice(5)] = value;
  }
  append(...nodes) {
    this.children.push(...nodes);
  }
  replaceChildren(...nodes) {
    this.children = nodes;
    this.own = "";
  }
  querySelectorAll() {
    return [];
  }
  focus() {}
  select() {}
  replaceWith() {}
  showModal() {
    this.isOpen = true;
  }
  close() {
    this.isOpen = false;
  }
  get textContent() {
    return this.own + this.children.map((each) => each.textContent ?? each).join("");
  }
  set textContent(text) {
    this.children = [];
    this.own = text;
  }
}

// Elements by their id; one that the document has appears when it is asked for.
const elements = new Map();
export const element = (id) => {
  if (!elements.has(id)) elements.set(id, new FakeElement("div"));
  return elements.get(id);
};

class FakeDocument extends EventTarget {
  hidden = false;
  documentElement = {};
  createElement = (tag) => new FakeElement(tag);
  createElementNS = (_, tag) => new FakeElement(tag);
  getElementById = element;
  querySelectorAll = () => [];
}

// The requests that wait for an answer, in the order in which they were made.
export const requests = [];
class Request {
  constructor(path, options) {
    Object.assign(this, { path, body: options.body && JSON.parse(options.body) });
    this.promise = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
  }
  async answer(body, status = 200) {
    requests.splice(requests.indexOf(this), 1);
    this.resolve({ status, ok: status < 400, json: async () => body });
    await settle();
  }
  async fail() {
    requests.splice(requests.indexOf(this), 1);
    this.reject(new TypeError("Failed to fetch"));
    await settle();
  }
}

// The waiting request whose path has some words in it.
export const request = (words) => requests.find((each) => each.path.includes(words));

// Prints what the test looks at.
export const tell = (it) => console.log(JSON.stringify(it));

// Lets everything run that waits for nothing but its turn.
export const settle = () => new Promise((done) => setImmediate(done));

// Waits for a condition; the test has a deadline.
export async function until(condition) {
  while (!condition()) await settle();
}

export const streams = [];
class FakeEventSource extends EventTarget {
  static CLOSED = 2;
  readyState = 1;
  constructor(path) {
    super();
    this.path = path;
    streams.push(this);
  }
  send(kind, body, id = "") {
    if (this.readyState === 2) return;
    this.dispatchEvent(Object.assign(new Event(kind), { data: JSON.stringify(body), lastEventId: id }));
  }
  close() {
    this.readyState = 2;
  }
}

export const page = { nReloads: 0 };
const texts = JSON.parse(readFileSync("static/texts.json", "utf8"));
const globals = {
  document: new FakeDocument(),
  EventSource: FakeEventSource,
  localStorage: { getItem: () => null, setItem() {} },
  location: { reload: () => { page.nReloads += 1; } },
  navigator: { languages: ["en"] },
  requestAnimationFrame: setImmediate,
  setInterval: () => 0,
  async fetch(path, options = {}) {
    if (path === "static/texts.json") return { json: async () => texts };
    requests.push(new Request(path, options));
    return requests.at(-1).promise;
  },
};
for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true });
