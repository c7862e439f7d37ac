// Small helpers for elements. No style is set as text, so the strict content security policy holds.

const SVG = "http://www.w3.org/2000/svg";

export function byId(id) {
  return document.getElementById(id);
}

// An element with attributes and children; those that are null are left out.
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function makeSvg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Sets a text only if it differs, so that screen readers and selections are left alone.
export function setText(element, content) {
  if (element.textContent !== content) element.textContent = content;
}

// The class that gives an element the colour of a label.
export function colour(label) {
  const known = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"];
  return known.includes(label) ? `is-${label}` : label === "uncertain" ? "is-uncertain" : "is-other";
}
