/* One message as a row of the log: bubble, time, failure mark, quick replies. */
import { button, el, icon, languageOf, linked } from "./dom.js";

/** The row's `choices` is the group of its buttons, or null.
 *
 * @param message {from, text, buttons?, at?}
 * @param onChoose gets the button pressed
 */
export function messageRow(message, onChoose) {
  const from = message.from === "visitor" ? "visitor" : "bot";
  const text = message.text ?? "";
  const who = el("span", { class: "quiet", "data-text": from === "bot" ? "assistant" : "you" });
  const said = el("span", { lang: languageOf(text), dir: "auto" }, ...linked(text));
  const meta = el("div", { class: "meta" });
  const row = el("div", { class: "row", "data-from": from });
  row.append(el("div", { class: "bubble" }, who, said), meta);
  if (message.at) meta.append(timeOf(message.at));
  row.choices = message.buttons?.length ? choices(message.buttons, onChoose) : null;
  if (row.choices) row.append(row.choices);
  return row;
}

/** Two thumbs under an answer.
 *
 * @param given "helpful", "not_helpful" or null: what this visitor said before
 * @param onVerdict gets the verdict; gives a promise of whether it was kept
 */
export function addThumbs(row, given, onVerdict) {
  const said = el("span", { class: "thanks", role: "status" });
  const thumb = (verdict, picture) =>
    button(
      { class: "thumb", "data-label": verdict, "data-verdict": verdict },
      () => press(verdict),
      icon(picture, 16),
    );
  const thumbs = [thumb("helpful", "up"), thumb("not_helpful", "down")];
  const show = (verdict) => {
    for (const one of thumbs) {
      one.setAttribute("aria-pressed", String(one.dataset.verdict === verdict));
    }
  };
  const press = async (verdict) => {
    show(verdict);
    const kept = await onVerdict(verdict);
    if (!kept) show(given);
    else given = verdict;
    said.dataset.text = kept ? "thanks" : "notKept";
    row.dispatchEvent(new CustomEvent("said", { bubbles: true }));
  };
  show(given);
  const group = el("span", { class: "thumbs", role: "group", "data-label": "rate" }, ...thumbs);
  row.querySelector(".meta").append(group, said);
}

/** Mark a message of the visitor as "sending", "failed", "rejected" or "tooMany". */
export function markPending(row, state, onRetry) {
  row.dataset.state = state;
  const meta = row.querySelector(".meta");
  meta.replaceChildren(el("span", { "data-text": state }));
  if (state === "sending") return;
  meta.firstChild.className = "trouble";
  if (state === "rejected") return; // the same text would be refused again
  meta.append(button({ class: "retry", "data-text": "retry" }, onRetry));
}

export function markSent(row, at) {
  delete row.dataset.state;
  row.querySelector(".meta").replaceChildren(...(at ? [timeOf(at)] : []));
}

/** Also called when the language changes. */
export function writeTimes(root, language) {
  // The same language may have another clock elsewhere (en-GB, en-US).
  const own = navigator.language;
  const locale = own.slice(0, 2) === language.slice(0, 2) ? own : language;
  const clock = { hour: "2-digit", minute: "2-digit" };
  for (const node of root.querySelectorAll("time")) {
    const at = new Date(node.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    const style = today ? clock : { ...clock, month: "short", day: "numeric" };
    node.textContent = new Intl.DateTimeFormat(locale, style).format(at);
  }
}

function timeOf(at) {
  return el("time", { datetime: at });
}

function choices(buttons, onChoose) {
  const group = el("div", { class: "choices", role: "group", "data-label": "choices" });
  for (const choice of buttons) {
    const lang = languageOf(choice.title);
    group.append(button({ class: "choice", lang }, () => onChoose(choice), choice.title));
  }
  return group;
}
