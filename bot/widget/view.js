/* The visible widget: launcher, panel and composer inside a shadow root; log.js has the messages.
 *
 * Strings are bound by attribute (data-text, data-label, data-hint hold a key of the table), so
 * that a change of language rewrites them all in place.
 */
import * as bubble from "./bubble.js";
import { button, el, icon } from "./dom.js";
import { MessageLog } from "./log.js";
import { translate } from "./strings.js";
import { CSS } from "./style.js";
import { accentColours } from "./theme.js";

const MAX_TEXT_CHARS = 2000;
/** The counter shows up this many characters before the limit. */
const COUNTER_FROM_CHARS = 1800;
const FULL_SCREEN = "(max-width: 520px), (max-height: 460px)"; // as in style.js

/** Characters as the server counts them: code points. */
const lengthOf = (text) => [...text].length;

export class View {
  #unread = 0;
  #state = "connecting";

  /** @param on {send(text), choose(button), retry(clientId), toggle(), close(), language(),
   *            verdictOn(id), judge(id, verdict)} */
  constructor(options, language, on) {
    this.options = options;
    this.language = language;
    this.on = on;
    this.#build();
    this.#mount();
    this.#watchTheme();
    this.setLanguage(language);
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  #build() {
    const label = el("span", { class: "label", "data-text": "launcher" });
    this.badge = el("span", { class: "badge", "aria-hidden": "true", hidden: true });
    this.face = el("span", { class: "icon" }, icon("chat"));
    this.launcher = button(
      { class: "launcher", "aria-haspopup": "dialog", "aria-controls": "panel" },
      () => this.on.toggle(),
      this.face,
      label,
      this.badge,
    );
    this.launcherLabel = label;
    this.typingSaid = el("div", { class: "quiet", role: "status" });
    this.log = new MessageLog((node) => this.#write(node), {
      choose: this.on.choose,
      retry: this.on.retry,
      verdictOn: this.on.verdictOn,
      judge: this.on.judge,
      leave: () => this.#focusAfterLog(),
      typing: (on) => (this.typingSaid.textContent = on ? this.#say("typing") : ""),
    });
    this.panel = el(
      "div",
      { class: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", hidden: true },
      this.#head(),
      el("p", { class: "notice" }, icon("info", 16), el("span", { "data-text": "notice" })),
      this.log.node,
      this.#composer(),
    );
    this.panel.addEventListener("keydown", (event) => this.#key(event));
    this.root = el("div", { class: "root" }, this.launcher, this.panel);
  }

  #head() {
    this.title = el("h2", { class: "title", id: "title" });
    this.status = el("div", { class: "status", role: "status" });
    return el(
      "div",
      { class: "head" },
      el("span", { class: "face" }, icon("face", 26)),
      el("div", { class: "names" }, this.title, this.status),
      button(
        { class: "tool", "data-label": "switchLanguage", "data-text": "otherLanguage" },
        () => this.on.language(),
      ),
      button({ class: "tool", "data-label": "closeChat" }, () => this.on.close(), icon("close", 20)),
    );
  }

  #composer() {
    this.input = el("textarea", {
      class: "input",
      rows: "1",
      "data-label": "input",
      "data-hint": "placeholder",
      "aria-describedby": "counter",
      enterkeyhint: "send",
      autocomplete: "off",
    });
    this.input.addEventListener("input", () => this.#measure());
    this.sendButton = button(
      { class: "send", "data-label": "send", disabled: true },
      () => this.#submit(),
      icon("send", 22),
    );
    this.counter = el("div", { class: "counter", id: "counter", role: "status", hidden: true });
    const line = el("div", { class: "composer" }, this.input, this.sendButton);
    return el("div", {}, line, this.counter, this.typingSaid);
  }

  #mount() {
    this.host = el("div", { id: "frontdesk" });
    const shadow = this.host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    shadow.adoptedStyleSheets = [sheet];
    shadow.append(this.root);
    document.body.append(this.host);
  }

  #watchTheme() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const apply = () => {
      const wanted = this.options.theme;
      const theme = ["light", "dark"].includes(wanted) ? wanted : dark.matches ? "dark" : "light";
      this.root.dataset.theme = theme;
      const colours = Object.entries(accentColours(this.options.accent, theme));
      for (const [name, value] of colours) this.root.style.setProperty(name, value);
    };
    dark.addEventListener("change", apply);
    apply();
  }

  #say(key, values) {
    return translate(this.language, key, values);
  }

  setLanguage(language) {
    this.language = language;
    this.root.lang = language === "zh" ? "zh-CN" : "en";
    const own = language === "zh" ? this.options.titleZh ?? this.options.title : this.options.title;
    this.title.textContent = own || this.#say("title");
    this.#write(this.root);
    this.setState(this.#state);
    this.setUnread(this.#unread);
    this.#measure();
  }

  /** Fill in the strings of `node` and everything in it. */
  #write(node) {
    const each = (name, set) => {
      for (const bound of node.querySelectorAll(`[data-${name}]`)) {
        set(bound, this.#say(bound.dataset[name]));
      }
    };
    each("text", (bound, text) => (bound.textContent = text));
    each("label", (bound, text) => bound.setAttribute("aria-label", text));
    each("hint", (bound, text) => (bound.placeholder = text));
    bubble.writeTimes(node, this.root.lang);
  }

  setState(state) {
    this.#state = state;
    this.status.dataset.state = state;
    const text = this.#say(state);
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  setUnread(count) {
    this.#unread = count;
    this.badge.hidden = count === 0;
    this.badge.textContent = count > 9 ? "9+" : String(count || "");
    const key = this.isOpen ? "closeChat" : count ? "openChatUnread" : "openChat";
    this.launcher.setAttribute("aria-label", this.#say(key, { count }));
    this.launcher.setAttribute("aria-expanded", String(this.isOpen));
  }

  open({ focus }) {
    this.panel.hidden = false;
    this.root.toggleAttribute("data-open", true);
    this.panel.setAttribute("aria-modal", String(this.#fullScreen));
    this.#dressLauncher();
    this.#measure();
    this.log.toEnd();
    if (focus) this.input.focus();
  }

  close({ focus }) {
    this.panel.hidden = true;
    this.root.removeAttribute("data-open");
    this.#dressLauncher();
    if (focus) this.launcher.focus();
  }

  #dressLauncher() {
    this.launcherLabel.hidden = this.isOpen;
    this.face.replaceChildren(icon(this.isOpen ? "close" : "chat"));
    this.setUnread(this.#unread);
  }

  get #fullScreen() {
    return matchMedia(FULL_SCREEN).matches;
  }

  #key(event) {
    if (event.isComposing || event.keyCode === 229) return; // the keys belong to the input method
    if (event.key === "Escape") {
      event.stopPropagation();
      this.on.close();
    } else if (event.key === "Tab" && this.#fullScreen) {
      this.#keepFocus(event);
    } else if (event.key === "Enter" && !event.shiftKey && event.target === this.input) {
      event.preventDefault();
      this.#submit();
    }
  }

  /** On a small screen the panel covers the page, so Tab goes round inside. */
  #keepFocus(event) {
    const stops = [...this.panel.querySelectorAll("button:enabled, textarea, a, [tabindex]")];
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if (event.target !== edge) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0]).focus();
  }

  #submit() {
    const text = this.input.value.trim();
    if (!text || lengthOf(text) > MAX_TEXT_CHARS) return;
    this.input.value = "";
    this.#measure();
    this.on.send(text);
    this.input.focus();
  }

  /** Fit the input to its text, and tell how much room is left. */
  #measure() {
    const count = lengthOf(this.input.value.trim());
    const over = count > MAX_TEXT_CHARS;
    this.input.style.height = "auto";
    if (this.isOpen) this.input.style.height = `${this.input.scrollHeight + 2}px`;
    this.input.setAttribute("aria-invalid", String(over));
    this.sendButton.disabled = count === 0 || over;
    this.counter.hidden = count < COUNTER_FROM_CHARS;
    this.counter.toggleAttribute("data-over", over);
    const values = { count, limit: MAX_TEXT_CHARS };
    this.counter.textContent = this.counter.hidden
      ? ""
      : this.#say(over ? "tooLong" : "counter", values);
  }

  /** What had the focus in the log is gone. A touch screen would cover half the chat with its
   * keyboard, so there the log keeps it. */
  #focusAfterLog() {
    const touch = matchMedia("(pointer: coarse)").matches;
    (touch ? this.log.node : this.input).focus({ preventScroll: true });
  }
}
