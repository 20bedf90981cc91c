/* The message log: rows in the order of their ids, quick replies, typing dots. */
import * as bubble from "./bubble.js";
import { el } from "./dom.js";

/** An answer usually takes milliseconds; dots that flash up would only disturb. */
const TYPING_AFTER_MS = 250;
/** The dots end by themselves, whatever became of the answer. */
const TYPING_AT_MOST_MS = 30_000;
/** Replies that a visitor can rate: answers that were found, not greetings or questions back. */
const RATED = new Set(["answer"]);
/** Whoever has scrolled up further than this is reading, and is left there, px. */
const NEAR_END_PX = 120;

export class MessageLog {
  #rows = []; // {id, node} of the present conversation in order; unsent ones have id Infinity
  #pending = new Map(); // client id -> {id, node}
  #typingTimers = [];

  /**
   * @param write fills in the strings of a new node (view.js)
   * @param on {choose(button), retry(clientId), leave(): a row with the focus goes away,
   *            typing(boolean), verdictOn(id), judge(id, verdict)}
   */
  constructor(write, on) {
    this.write = write;
    this.on = on;
    this.typing = el("div", { class: "bubble typing", "aria-hidden": "true", hidden: true });
    this.typing.append(el("i"), el("i"), el("i"));
    this.node = el("div", {
      class: "log",
      role: "log",
      tabindex: "0", // keyboards can scroll it
      "aria-live": "polite",
      "aria-relevant": "additions",
      "data-label": "log",
    });
    this.node.append(welcome(), this.typing);
  }

  /** While a history is replayed, a screen reader should not read it all out. */
  setBusy(busy) {
    this.node.setAttribute("aria-busy", String(busy));
  }

  addEvent(event) {
    this.#insert(event.id, this.#row(event));
    if (event.from !== "visitor") this.setTyping(false);
  }

  /** Show or mark a message of the visitor that has no event yet. */
  showPending(message, state) {
    if (!this.#pending.has(message.id)) {
      const node = this.#row({ ...message, from: "visitor", buttons: [] });
      this.#pending.set(message.id, this.#insert(Infinity, node));
    }
    const { node } = this.#pending.get(message.id);
    bubble.markPending(node, state, () => this.on.retry(message.id));
    this.write(node);
    this.toEnd();
  }

  /** The event of a pending message has come: give its row its place. */
  confirm(clientId, event) {
    const row = this.#pending.get(clientId);
    if (!row) return;
    this.#pending.delete(clientId);
    const refocus = row.node.contains(this.#active); // its Retry button goes away
    bubble.markSent(row.node, event.at);
    this.write(row.node);
    this.#rows.splice(this.#rows.indexOf(row), 1);
    this.#insert(event.id, row.node);
    if (refocus) this.on.leave();
  }

  #row(message) {
    const node = bubble.messageRow(message, this.on.choose);
    if (message.from !== "visitor" && RATED.has(message.outcome)) {
      const given = this.on.verdictOn(message.id);
      bubble.addThumbs(node, given, (verdict) => this.on.judge(message.id, verdict));
      node.addEventListener("said", () => this.write(node));
    }
    this.write(node);
    return node;
  }

  /** Put `node` before the first row with a larger id; leave it alone where it is in place. */
  #insert(id, node) {
    const found = this.#rows.findIndex((row) => row.id > id);
    const at = found < 0 ? this.#rows.length : found;
    const next = this.#rows[at]?.node ?? this.typing;
    const { scrollHeight, scrollTop, clientHeight } = this.node;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    if (node.nextSibling !== next) this.node.insertBefore(node, next);
    const row = { id, node };
    this.#rows.splice(at, 0, row);
    this.#endChoices();
    if (atEnd) this.toEnd();
    return row;
  }

  /** Buttons go once the visitor has gone on, or other buttons have come. A second message of the
   * same turn, without buttons, leaves them. */
  #endChoices() {
    let newer = false;
    for (const { node } of [...this.#rows].reverse()) {
      const group = node.choices;
      if (group && newer) this.#removeChoices(node, group);
      newer ||= Boolean(group) || node.dataset.from === "visitor";
    }
  }

  #removeChoices(node, group) {
    const hadFocus = group.contains(this.#active);
    group.remove();
    node.choices = null;
    if (hadFocus) this.on.leave();
  }

  get #active() {
    return this.node.getRootNode().activeElement;
  }

  setTyping(on) {
    this.#typingTimers.forEach(clearTimeout);
    this.#typingTimers = on
      ? [
          setTimeout(() => this.#showTyping(true), TYPING_AFTER_MS),
          setTimeout(() => this.#showTyping(false), TYPING_AT_MOST_MS),
        ]
      : [];
    if (!on) this.#showTyping(false);
  }

  #showTyping(on) {
    this.typing.hidden = !on;
    this.on.typing(on);
    if (on) this.toEnd();
  }

  /** What follows belongs to another conversation; what was said before stays readable. */
  startAfresh() {
    const divider = el("div", { class: "divider", "data-text": "newConversation" });
    const unsent = this.#rows.filter((row) => row.id === Infinity);
    const before = unsent[0]?.node ?? this.typing;
    for (const { node } of this.#rows) if (node.choices) this.#removeChoices(node, node.choices);
    if (this.#rows.length > unsent.length) this.node.insertBefore(divider, before);
    this.#rows = unsent;
    this.write(this.node);
  }

  toEnd() {
    this.node.scrollTop = this.node.scrollHeight;
  }
}

function welcome() {
  const words = el("div", { class: "bubble" }, el("span", { "data-text": "welcome" }));
  return el("div", { class: "row welcome", "data-from": "bot" }, words);
}
