/** A PUSH socket that sends as fast as the peer takes it and the subscriber keeps up. */
import { encodeReady } from "../../src/server/wire/zmtp_commands.ts";
import { encodeMessage } from "../../src/server/wire/zmtp_frames.ts";
import { encodeGreeting, GREETING_BYTES } from "../../src/server/wire/zmtp_greeting.ts";
import * as libc from "./libc.ts";
import type { Owner, Reactor } from "./reactor.ts";

/** Messages of one write. */
const CHUNK = 200;
/**
 * Messages under way: nothing holds a publisher back but the peer's reading, so without this bound a peer that reads
 * faster than it writes cuts its client as too slow within milliseconds, and nothing is measured.
 */
const MAX_UNDER_WAY = 2_000;

/** States, in their order; "lost" ends each. */
type State = "connecting" | "greeting" | "sending" | "sent" | "lost";

export class Pusher implements Owner, Disposable {
  readonly #reactor: Reactor;
  readonly #owner: number;
  readonly #port: number;
  readonly #fd: number;
  readonly #buffer = new Uint8Array(4096);
  /** What goes out next; the messages behind it follow in chunks. */
  #rest: Uint8Array;
  readonly #chunk: Uint8Array;
  readonly #messageBytes: number;
  readonly #count: number;
  #sent = 0;
  readonly #delivered: () => number;
  #read = 0;
  #state: State = "connecting";
  /** What epoll watches. */
  #mask = libc.EPOLLOUT;

  /** @param order The message, how often it is sent, and how many of them have been delivered so far. */
  constructor(
    reactor: Reactor,
    { port, message, count, delivered }: {
      readonly port: number;
      readonly message: Uint8Array;
      readonly count: number;
      readonly delivered: () => number;
    },
  ) {
    this.#reactor = reactor;
    this.#owner = reactor.join(this);
    this.#port = port;
    const one = encodeMessage([message]);
    this.#chunk = new Uint8Array(one.length * CHUNK);
    for (let i = 0; i < CHUNK; i++) this.#chunk.set(one, i * one.length);
    this.#messageBytes = one.length;
    this.#count = count;
    this.#delivered = delivered;
    this.#rest = encodeGreeting(0);
    this.#fd = libc.connect(port);
    reactor.watch(this.#fd, this.#mask, this.#owner, 0);
  }

  /**
   * Until the kernel has taken all, or neither it nor the subscriber takes anything for `patienceMs`.
   *
   * @returns how many were sent.
   * @throws {Error} where nobody listens, or the peer closes.
   */
  finish(patienceMs: number): number {
    this.#reactor.until(
      () => {
        if (this.#state === "sending" && this.#rest.length === 0) this.#send();
        return this.#state === "sent" || this.#state === "lost";
      },
      () => this.#sent - this.#rest.length + this.#delivered(),
      patienceMs,
    );
    if (this.#state === "lost" || this.#sent === 0) {
      const why = this.#state === "lost" ? "the peer has closed" : "the peer says nothing";
      throw new Error(`Cannot ${this.#tried()}: ${why} after ${this.#sent} messages`);
    }
    return this.#sent;
  }

  ready(_index: number, mask: number): void {
    if (this.#state === "connecting") {
      const error = libc.connectError(this.#fd, mask);
      if (error !== undefined) throw libc.systemError(this.#tried(), error);
      libc.setNoDelay(this.#fd);
      this.#state = "greeting";
    }
    if ((mask & ~libc.EPOLLOUT) !== 0) this.#receive(mask);
    if (this.#state !== "lost") this.#send();
  }

  /** Closes. Call: when what was sent has been delivered; what is not read yet would end in a reset. */
  [Symbol.dispose](): void {
    if (this.#state !== "lost") libc.close(this.#fd);
    this.#reactor.leave(this.#owner);
  }

  #receive(mask: number): void {
    const read = libc.receive(this.#fd, this.#buffer);
    if (read < 0 && (mask & libc.GONE) === 0) return;
    if (read <= 0) {
      this.#state = "lost";
      return libc.close(this.#fd);
    }
    const before = this.#read;
    this.#read += read;
    if (before < GREETING_BYTES && this.#read >= GREETING_BYTES) this.#rest = encodeReady("PUSH");
    // Whatever comes behind the greeting is the peer's READY: these peers say nothing else.
    if (this.#state === "greeting" && this.#read > GREETING_BYTES) this.#state = "sending";
  }

  /** One write: the clients of a peer that takes everything must be read in between. */
  #send(): void {
    if (this.#rest.length === 0 && this.#state === "sending") {
      const room = MAX_UNDER_WAY - (this.#sent - this.#delivered());
      const some = Math.min(CHUNK, this.#count - this.#sent, room);
      this.#rest = this.#chunk.subarray(0, some * this.#messageBytes);
      this.#sent += some;
    }
    if (this.#rest.length > 0) {
      const sent = libc.send(this.#fd, this.#rest);
      if (sent > 0) this.#rest = this.#rest.subarray(sent);
    }
    if (this.#state === "sending" && this.#rest.length === 0 && this.#sent === this.#count) {
      this.#state = "sent";
    }
    const mask = this.#rest.length > 0 ? libc.EPOLLIN | libc.EPOLLOUT : libc.EPOLLIN;
    if (mask !== this.#mask) this.#reactor.change(this.#fd, mask, this.#owner, 0);
    this.#mask = mask;
  }

  #tried(): string {
    return `push to port ${this.#port}`;
  }
}
