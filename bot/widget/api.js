/* The gateway's API: open a session, send a message, open the event stream. */

/** Longest wait for the answer to a message, ms. */
const SEND_TIMEOUT_MS = 20_000;

export class ApiError extends Error {
  constructor(status, retryAfterS) {
    super(`HTTP ${status}`);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }

  /** Whether the same request may succeed later; a refused text never does. */
  get passing() {
    return this.status >= 500 || [408, 425, 429].includes(this.status);
  }
}

async function checked(response) {
  if (response.ok) return response;
  response.body?.cancel();
  throw new ApiError(response.status, Number(response.headers.get("Retry-After")) || 0);
}

export class Api {
  #opening = null;
  #buried = null;

  /** @param onNewConversation called when the server no longer knew our token. */
  constructor(base, storage, onNewConversation) {
    this.base = base;
    this.storage = storage;
    this.onNewConversation = onNewConversation;
  }

  get hasSession() {
    return this.storage.local.get("token") !== null;
  }

  /** Send one message; safe to repeat with the same id. Gives the new events of its turn. */
  async send(message) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), SEND_TIMEOUT_MS);
    try {
      const response = await this.#authorised("/v1/messages", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(message),
        signal: abort.signal,
      });
      return (await response.json()).messages;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Say whether a reply was helpful; the last word counts. */
  async judge(replyId, verdict) {
    const response = await this.#authorised("/v1/feedback", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ reply_id: replyId, verdict }),
      signal: AbortSignal.timeout(SEND_TIMEOUT_MS),
    });
    return (await response.json()).verdict;
  }

  /** The body of the event stream after event `lastId` (0 = replay the history). */
  async events(lastId, signal) {
    const headers = { Accept: "text/event-stream" };
    if (lastId > 0) headers["Last-Event-ID"] = String(lastId);
    return (await this.#authorised("/v1/events", { headers, signal })).body;
  }

  async #authorised(path, init) {
    const token = await this.#token();
    const response = await this.#fetch(path, init, token);
    if (response.status !== 401) return checked(response);
    response.body?.cancel();
    this.#bury(token);
    init.signal.throwIfAborted(); // the stream was restarted, and this request belongs to the old one
    return checked(await this.#fetch(path, init, await this.#token()));
  }

  /** The server no longer knows `token`: tell it once, though several requests may find out. */
  #bury(token) {
    if (this.#buried === token) return;
    this.#buried = token;
    // Another tab may have opened the new session already: drop only the token that failed.
    if (this.storage.local.get("token") === token) this.storage.local.remove("token");
    this.onNewConversation();
  }

  #fetch(path, init, token) {
    const headers = { ...init.headers, Authorization: `Bearer ${token}` };
    return fetch(this.base + path, { ...init, headers, credentials: "omit", cache: "no-store" });
  }

  async #token() {
    const known = this.storage.local.get("token");
    if (known) return known;
    this.#opening ??= this.#openOnce().finally(() => (this.#opening = null));
    return this.#opening;
  }

  /** Two tabs that start together share one session, where the browser has locks. */
  #openOnce() {
    const open = async () => this.storage.local.get("token") ?? (await this.#open());
    return navigator.locks ? navigator.locks.request(this.storage.prefix, open) : open();
  }

  async #open() {
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" };
    const response = await checked(
      await fetch(`${this.base}/v1/sessions`, { ...init, credentials: "omit" }),
    );
    const { token } = await response.json();
    this.storage.local.set("token", token);
    return token;
  }
}
