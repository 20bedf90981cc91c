/* What was said: takes events once, sends messages in order, keeps what is not sent yet.
 *
 * A message of the visitor is made here with its own id, shown at once, and adopted when its event
 * comes back, by whichever way comes first (answer to POST, or stream). Unsent messages are kept
 * for this tab, so that a reload in the wrong moment loses nothing.
 */
import { ApiError } from "./api.js";

/** Waits before the second and third attempt, ms. */
const RETRY_DELAYS_MS = [700, 2500];
const LONGEST_RETRY_MS = 8_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** crypto.randomUUID exists on https pages only; host pages may be plain http. */
function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export class Conversation {
  #seen = new Set();
  #confirmed = new Set(); // client ids whose event has come
  #outbox = new Map(); // client id -> {id, text, payload?}
  #line = Promise.resolve(); // messages leave one after the other, in the order written

  /**
   * @param on {message(event), pending(message, state), confirmed(clientId, event),
   *            waiting(boolean)}: what the view does about it.
   */
  constructor(api, storage, on) {
    this.api = api;
    this.storage = storage;
    this.on = on;
  }

  /** Show what an earlier page of this tab could not send; its event may still come. */
  restore() {
    for (const message of JSON.parse(this.storage.tab.get("outbox") ?? "[]")) {
      this.#outbox.set(message.id, message);
      this.on.pending(message, "failed");
    }
  }

  /** Forget the ids of a conversation that the server no longer knows. */
  reset() {
    this.#seen.clear();
    this.#confirmed.clear();
  }

  send(text, payload) {
    const message = { id: newId(), text, ...(payload && { payload }) };
    this.#outbox.set(message.id, message);
    this.#save();
    this.#enqueue(message);
  }

  retry(clientId) {
    const message = this.#outbox.get(clientId);
    if (message) this.#enqueue(message);
  }

  receive(event) {
    if (this.#seen.has(event.id)) return;
    this.#seen.add(event.id);
    const own = event.from === "visitor" && event.client_id;
    if (own && this.#confirmed.has(own)) return;
    if (own) this.#confirmed.add(own);
    if (own && this.#outbox.delete(own)) {
      this.#save();
      this.on.confirmed(own, event);
    } else {
      this.on.message(event);
    }
  }

  #enqueue(message) {
    this.on.pending(message, "sending");
    this.#line = this.#line.then(() => this.#deliver(message));
  }

  async #deliver(message) {
    this.on.waiting(true);
    try {
      this.#arrived(message, await this.#post(message));
    } catch (error) {
      if (this.#outbox.has(message.id)) this.on.pending(message, stateOf(error));
      if (!canRetry(error)) this.#outbox.delete(message.id);
    }
    this.#save();
    this.on.waiting(false);
  }

  #arrived(message, events) {
    const echoed = events.some((event) => event.client_id === message.id);
    if (!echoed && this.#outbox.delete(message.id)) {
      const [first] = events; // its own event is missing: its place is before the answer
      this.#confirmed.add(message.id);
      this.on.confirmed(message.id, { id: (first?.id ?? Infinity) - 0.5, at: first?.at });
    }
    for (const event of events) this.receive(event);
  }

  /** Repeats by itself after a passing fault: the id makes a second arrival harmless. */
  async #post(message) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.api.send(message);
      } catch (error) {
        const waitMs = Math.max(RETRY_DELAYS_MS[attempt] ?? 0, 1000 * (error.retryAfterS ?? 0));
        const last = attempt >= RETRY_DELAYS_MS.length || waitMs > LONGEST_RETRY_MS;
        if (last || !canRetry(error) || error.name === "AbortError") throw error;
        await pause(waitMs);
      }
    }
  }

  #save() {
    this.storage.tab.set("outbox", JSON.stringify([...this.#outbox.values()]));
  }
}

function canRetry(error) {
  return !(error instanceof ApiError) || error.passing;
}

function stateOf(error) {
  if (error.status === 429) return "tooMany";
  return canRetry(error) ? "failed" : "rejected";
}
