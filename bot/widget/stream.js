/* Server-Sent Events over fetch (EventSource cannot send headers), with reconnection.
 *
 * The stream keeps the id of the last event that it delivered and asks for what came after it, so
 * a gap is filled by the server. Ids seen elsewhere (answers to POST) do not move it forward: they
 * say nothing about the events in between.
 */

/** The server writes at least a comment every 15 s; after this silence the line is dead. */
const SILENCE_MS = 40_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;
/** A connection that lived this long makes the next delay short again. */
const HEALTHY_MS = 10_000;

/** Give each event of an SSE text stream to `onEvent`, whatever the chunk borders. */
export async function readEvents(body, onEvent, onBytes) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes();
    const blocks = (rest + value).replace(/\r\n/g, "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) deliver(block, onEvent);
  }
}

function deliver(block, onEvent) {
  const fields = { event: "message", id: "", data: [] };
  for (const line of block.split("\n")) {
    const [, name, value] = /^(\w+):? ?(.*)$/.exec(line) ?? []; // comments start with a colon
    if (name === "data") fields.data.push(value);
    else if (name) fields[name] = value;
  }
  if (fields.event === "message" && fields.data.length) {
    onEvent(JSON.parse(fields.data.join("\n")), Number(fields.id));
  }
}

export class Stream {
  #abort = null;
  #lastId = 0;
  #failures = 0;
  #wake = () => {};

  /** @param onState gets "connecting" | "online" | "reconnecting" | "offline". */
  constructor(api, onEvent, onState) {
    this.api = api;
    this.onEvent = onEvent;
    this.onState = onState;
  }

  get running() {
    return this.#abort !== null;
  }

  start() {
    if (this.running) return;
    this.#abort = new AbortController();
    this.#run(this.#abort.signal);
  }

  stop() {
    this.#abort?.abort();
    this.#abort = null;
    this.#wake();
  }

  /** Begin again with the first event of another conversation. */
  restart() {
    this.stop();
    this.#lastId = 0;
    this.start();
  }

  /** Do not wait any longer: something says that the server can be reached again. */
  hurry() {
    this.#wake();
  }

  async #run(signal) {
    this.onState("connecting");
    while (!signal.aborted) {
      const began = Date.now();
      let askedWaitMs = 0;
      try {
        await this.#connect(signal);
      } catch (error) {
        askedWaitMs = 1000 * (error.retryAfterS ?? 0);
      }
      if (signal.aborted) return;
      this.#failures = Date.now() - began > HEALTHY_MS ? 1 : this.#failures + 1;
      this.onState(navigator.onLine ? "reconnecting" : "offline");
      await this.#pause(Math.max(askedWaitMs, this.#delay()));
    }
  }

  async #connect(outer) {
    const inner = new AbortController();
    const abort = () => inner.abort();
    outer.addEventListener("abort", abort);
    let timer = setTimeout(abort, SILENCE_MS);
    try {
      const body = await this.api.events(this.#lastId, inner.signal);
      if (outer.aborted) return;
      this.onState("online");
      const take = (event, id) => {
        if (outer.aborted) return; // a late chunk of a conversation that was left
        this.onEvent(event);
        this.#lastId = Math.max(this.#lastId, id || event.id);
      };
      await readEvents(body, take, () => {
        clearTimeout(timer);
        timer = setTimeout(abort, SILENCE_MS);
      });
    } finally {
      clearTimeout(timer);
      outer.removeEventListener("abort", abort);
      inner.abort();
    }
  }

  /** Exponential with jitter, so that a restarted server is not met by everyone at once. */
  #delay() {
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 1));
    return longest * (0.5 + Math.random() / 2);
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
