/* Small helpers that build elements; texts only ever become text nodes. */

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (true = present, null and false = left out) and children. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** A button that never submits a form. */
export function button(attributes, onClick, ...children) {
  const node = el("button", { type: "button", ...attributes }, ...children);
  node.addEventListener("click", onClick);
  return node;
}

const ICONS = {
  chat: "M21 11.5a8.4 8.4 0 0 1-12.1 7.5L3 21l2-5.9A8.4 8.4 0 1 1 21 11.5Z",
  close: "M6 6l12 12M18 6L6 18",
  send: "M12 20V5M5.5 11.5 12 5l6.5 6.5",
  face: "M5 9a3 3 0 0 1 3-3h8a3 3 0 0 1 3 3v6a3 3 0 0 1-3 3H8a3 3 0 0 1-3-3ZM12 6V3M9.5 11v1.5M14.5 11v1.5M10 15.2h4",
  up: "M7 21V10l4.5-7a2.3 2.3 0 0 1 2.2 2.9L13 9.5h5.4a2 2 0 0 1 2 2.4l-1.5 7.4A2 2 0 0 1 17 21ZM7 10H3.5v11H7",
  down: "M17 3v11l-4.5 7a2.3 2.3 0 0 1-2.2-2.9l.7-3.6H5.6a2 2 0 0 1-2-2.4l1.5-7.4A2 2 0 0 1 7 3ZM17 14h3.5V3H17",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5M12 8h.01",
};

export function icon(name, size = 24) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true" };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Stops at spaces, quotes, angle brackets and Chinese punctuation. */
const LINK = /https:\/\/[^\s<>"'`\u3000-\u303f\uff00-\uffef“”‘’]+/g;

/** `text` as text nodes, with https addresses as links. */
export function linked(text) {
  const parts = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const address = found.replace(/[.,;:!?)\]}]+$/, "");
    if (!URL.canParse?.(address)) continue;
    const link = el("a", { href: address, target: "_blank", rel: "noopener" }, address);
    parts.push(text.slice(from, index), link);
    from = index + address.length;
  }
  parts.push(text.slice(from));
  return parts;
}

/** Screen readers and fonts need the language of each text; a guess by script is enough here. */
export function languageOf(text) {
  return /[\u3400-\u9fff]/.test(text) ? "zh" : "en";
}
