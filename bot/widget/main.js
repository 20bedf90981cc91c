/* Puts the parts together: session, stream, conversation and view; the page's API. */
import { Api } from "./api.js";
import { Conversation } from "./conversation.js";
import { openStorage } from "./storage.js";
import { Stream } from "./stream.js";
import { pickLanguage } from "./strings.js";
import { View } from "./view.js";

/** A hidden page gives its connection back: browsers allow six per server over HTTP/1.1. */
const HIDDEN_GRACE_MS = 5_000;
/** Opinions that this browser remembers, to show them again. */
const VERDICTS_KEPT = 200;
/** A pause this long means that the replay of the history is over. */
const REPLAY_PAUSE_MS = 400;

class Widget {
  #unread = new Set();
  #hideTimer = 0;
  #busyTimer = 0;
  #state = "connecting";

  constructor(options) {
    this.storage = openStorage(options.base);
    this.api = new Api(options.base, this.storage, () => this.#startAfresh());
    const language = pickLanguage(this.storage.local.get("language"), options.language);
    this.view = new View(options, language, {
      send: (text) => this.#send(text),
      choose: (choice) => this.#send(choice.title, choice.payload),
      retry: (clientId) => this.conversation.retry(clientId),
      toggle: () => (this.view.isOpen ? this.close() : this.open()),
      close: () => this.close(),
      language: () => this.setLanguage(this.view.language === "en" ? "zh" : "en"),
      verdictOn: (id) => this.#verdicts.get(id) ?? null,
      judge: (id, verdict) => this.#judge(id, verdict),
    });
    this.conversation = new Conversation(this.api, this.storage, {
      message: (event) => this.#show(event),
      pending: (message, state) => this.view.log.showPending(message, state),
      confirmed: (clientId, event) => this.view.log.confirm(clientId, event),
      waiting: (on) => this.view.log.setTyping(on),
    });
    this.stream = new Stream(
      this.api,
      (event) => this.#fromStream(event),
      (state) => this.#connection(state),
    );
  }

  begin() {
    this.conversation.restore();
    this.#watchPage();
    if (this.api.hasSession) this.stream.start();
    // The chat stays open from page to page; on a phone it would cover each new page.
    const narrow = matchMedia("(max-width: 520px)").matches;
    if (this.storage.tab.get("open") === "yes" && !narrow) this.open({ focus: false });
  }

  open({ focus = true } = {}) {
    this.storage.tab.set("open", "yes");
    this.stream.start(); // opens the session too: nobody gets one by only visiting the page
    this.view.open({ focus });
    this.#markRead();
  }

  close() {
    this.storage.tab.remove("open");
    this.view.close({ focus: true });
  }

  ask(text) {
    this.open();
    const asked = String(text ?? "").trim();
    if (asked) this.#send(asked);
  }

  setLanguage(language) {
    if (!["en", "zh"].includes(language)) return;
    this.storage.local.set("language", language);
    this.view.setLanguage(language);
  }

  /** What this visitor said of replies, oldest first. */
  get #verdicts() {
    return new Map(JSON.parse(this.storage.local.get("verdicts") ?? "[]"));
  }

  async #judge(id, verdict) {
    try {
      await this.api.judge(id, verdict);
    } catch {
      return false;
    }
    const kept = this.#verdicts;
    kept.delete(id);
    kept.set(id, verdict);
    this.storage.local.set("verdicts", JSON.stringify([...kept].slice(-VERDICTS_KEPT)));
    return true;
  }

  #send(text, payload) {
    this.conversation.send(text, payload);
    this.stream.hurry();
  }

  #fromStream(event) {
    clearTimeout(this.#busyTimer);
    this.#busyTimer = setTimeout(() => this.view.log.setBusy(false), REPLAY_PAUSE_MS);
    this.conversation.receive(event);
  }

  #connection(state) {
    if (state === "connecting") this.view.log.setBusy(true);
    if (state === "online") this.#busyTimer = setTimeout(() => this.view.log.setBusy(false), 1000);
    this.#state = state;
    this.view.setState(state);
  }

  #show(event) {
    this.view.log.addEvent(event);
    if (event.from !== "visitor" && event.id > this.#readId) this.#unread.add(event.id);
    this.#markRead();
  }

  get #readId() {
    return Number(this.storage.local.get("read")) || 0;
  }

  #markRead() {
    if (this.view.isOpen && !document.hidden) {
      const newest = Math.max(this.#readId, ...this.#unread);
      this.storage.local.set("read", String(newest));
      this.#unread.clear();
    }
    this.view.setUnread(this.#unread.size);
  }

  #startAfresh() {
    this.storage.local.remove("read");
    this.storage.local.remove("verdicts");
    this.#unread.clear();
    this.conversation.reset();
    this.view.log.startAfresh();
    this.stream.restart();
  }

  #watchPage() {
    document.addEventListener("visibilitychange", () => this.#visibility());
    window.addEventListener("pagehide", () => this.stream.stop()); // lets the page be kept whole
    window.addEventListener("pageshow", (event) => event.persisted && this.#resume());
    window.addEventListener("online", () => this.#backOnline());
    window.addEventListener("offline", () => this.view.setState("offline"));
    window.addEventListener("storage", (event) => this.#otherTab(event));
  }

  #backOnline() {
    this.view.setState(this.#state);
    this.stream.hurry();
  }

  #visibility() {
    clearTimeout(this.#hideTimer);
    if (document.hidden) this.#hideTimer = setTimeout(() => this.stream.stop(), HIDDEN_GRACE_MS);
    else this.#resume();
  }

  #resume() {
    this.#markRead();
    if (this.api.hasSession) this.stream.start();
    this.stream.hurry();
  }

  /** Another tab of the site read the messages, or opened the conversation. */
  #otherTab(event) {
    if (event.key === `${this.storage.prefix}read`) {
      for (const id of this.#unread) if (id <= this.#readId) this.#unread.delete(id);
      this.view.setUnread(this.#unread.size);
    } else if (event.key === `${this.storage.prefix}token` && event.newValue && !document.hidden) {
      this.stream.start();
    }
  }
}

/** Called by widget.js. Gives what `window.frontdesk` passes on. */
export function start(options) {
  const widget = new Widget(options);
  widget.begin();
  return widget;
}
