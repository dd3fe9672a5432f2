// Talking with the service: requests, the live feed, its clock.
import { moment } from "./words.js";

const REQUEST_MILLIS = 10000;
/** The service says something every 5 seconds. */
const SILENCE_MILLIS = 15000;
const PAUSES_SECS = [1, 2, 4, 8, 15];

/** An answer that is no success; `status` is 0 when there was none. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.message);
    this.status = status;
    this.detail = body.detail ?? "";
    this.hint = body.hint ?? "";
  }

  /** One text for people. */
  get words() {
    const detail = this.detail ? `${this.message}: ${this.detail}` : this.message;
    return this.hint ? `${detail}. ${this.hint}` : `${detail}.`;
  }
}

/** Asks the API; paths are below /api/v1. */
export async function ask(method, path, token, body) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), REQUEST_MILLIS);
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  try {
    const answer = await fetch(`api/v1/${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      signal: stop.signal,
    });
    if (answer.status === 204) return null;
    const said = await answer.json().catch(() => null);
    if (answer.ok && said !== null) return said;
    throw new Problem(answer.status, said ?? { message: `The service answered with status ${answer.status}` });
  } catch (error) {
    if (error instanceof Problem) throw error;
    const detail = stop.signal.aborted ? "it did not answer within 10 seconds" : "the network did not reach it";
    throw new Problem(0, { message: "The service cannot be asked", detail, hint: "Check that it runs." });
  } finally {
    clearTimeout(timer);
  }
}

/** The service's clock, carried on by the page's own steady one. */
export class ServiceClock {
  #ahead = null;

  /** The service said what time it is. */
  set(text) {
    this.#ahead = moment(text) - performance.now();
  }

  /** Something happened at that time: it is not earlier now. */
  atLeast(text) {
    const ahead = moment(text) - performance.now();
    if (this.#ahead === null || ahead > this.#ahead) this.#ahead = ahead;
  }

  /** Milliseconds since the epoch. */
  now() {
    return this.#ahead === null ? Date.now() : this.#ahead + performance.now();
  }
}

/**
 * The live feed. Tells `onFrame` every frame, `onUp` when it is there, `onDown(millis, reason)` when it is gone and
 * when it tries again, `onRefused(problem)` when it will not try again because the sign-in does not hold.
 */
export class Feed {
  #token;
  #on;
  #socket = null;
  #seq = null;
  #tries = 0;
  #watch = 0;
  #retry = 0;

  constructor(token, on) {
    this.#token = token;
    this.#on = on;
    this.#open();
  }

  /** Ends it for good. */
  close() {
    clearTimeout(this.#watch);
    clearTimeout(this.#retry);
    this.#leave();
  }

  #leave() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = socket.onopen = null;
      socket.close();
    }
  }

  #open() {
    const address = new URL("api/v1/live", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.hash = address.search = "";
    const socket = new WebSocket(address);
    this.#socket = socket;
    this.#listen();
    socket.onopen = () => {
      socket.send(JSON.stringify({ frame: "hello", token: this.#token, after: this.#seq }));
    };
    socket.onmessage = (message) => this.#take(message.data);
    socket.onclose = () => this.#lose("");
  }

  #listen() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#lose("The service is silent"), SILENCE_MILLIS);
  }

  #take(text) {
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      this.#lose("The live feed sent something that is no JSON");
      return;
    }
    this.#listen();
    if (frame.frame === "error") {
      if (frame.code === "unauthorized" || frame.code === "forbidden") {
        this.close();
        this.#on.refused(new Problem(401, frame));
      } else {
        this.#lose(frame.message);
      }
      return;
    }
    if (frame.frame === "snapshot") this.#seq = frame.floor.seq;
    if (frame.frame === "event") this.#seq = frame.seq;
    this.#tries = 0;
    this.#on.frame(frame);
  }

  #lose(reason) {
    clearTimeout(this.#watch);
    this.#leave();
    const pause = PAUSES_SECS[Math.min(this.#tries, PAUSES_SECS.length - 1)];
    this.#tries += 1;
    // Many screens must not come back in the same moment.
    const millis = pause * 1000 * (0.8 + 0.4 * Math.random());
    this.#retry = setTimeout(() => this.#open(), millis);
    this.#on.down(millis, reason);
  }
}

/** Runs `work` after each `want`, one at a time and not more often than every 500 ms. */
export class Refresher {
  #work;
  #wanted = false;
  #busy = false;
  #timer = 0;
  #started = -Infinity;
  #took = 0;

  constructor(work) {
    this.#work = work;
  }

  /** Something has changed. */
  want() {
    this.#wanted = true;
    this.#next();
  }

  /** Ends it for good. */
  close() {
    clearTimeout(this.#timer);
    this.#work = null;
  }

  #next() {
    if (!this.#wanted || this.#busy || !this.#work) return;
    // A slow service is asked less often; a page that nobody looks at asks less often.
    const rest = document.hidden ? 5000 : Math.max(500, 2 * this.#took);
    const wait = this.#started + rest - performance.now();
    clearTimeout(this.#timer);
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#next(), wait);
    } else {
      this.#run();
    }
  }

  async #run() {
    this.#wanted = false;
    this.#busy = true;
    this.#started = performance.now();
    try {
      await this.#work();
    } finally {
      this.#busy = false;
      this.#took = performance.now() - this.#started;
      this.#next();
    }
  }
}
