/**
 * Thousands of raw sockets that hold and count. Every message ends with MARK, which stands nowhere else, so counting
 * deliveries is counting one byte; nothing is parsed after the head, and all read into one buffer.
 */
import { encodeText } from "../text.ts";
import { countMarks, headEnd, joined, statusOf } from "./bytes.ts";
import { type Dialect, type HoldKind, holdRequest } from "./dialect.ts";
import * as libc from "./libc.ts";
import type { Owner, Reactor } from "./reactor.ts";

const READ_BYTES = 65_536;
/** Nothing moves for so long while clients are opened: nothing will. Some peers pause for seconds. */
const OPENING_PATIENCE_MS = 60_000;

/** What a client's socket is doing. Next: */
const CLOSED = 0; // connecting
const CONNECTING = 1; // asking, open (long-polls), closed
const ASKING = 2; // open, closed
const OPEN = 3; // closed
type State = typeof CLOSED | typeof CONNECTING | typeof ASKING | typeof OPEN;

export interface Opening {
  readonly port: number;
  readonly dialect: Dialect;
  readonly kind: HoldKind;
  readonly channelOf: (index: number) => string;
  readonly count: number;
  /** Connections on their way at a time; a stream counts until its head has come, a long-poll until it is sent. */
  readonly window: number;
}

export class Clients implements Owner {
  readonly #reactor: Reactor;
  readonly #owner: number;
  readonly #buffer = new Uint8Array(READ_BYTES);
  readonly #requests: Uint8Array[] = [];
  /** Heads that have come in part. */
  readonly #heads = new Map<number, Uint8Array>();
  #fds = new Int32Array(1024);
  #states = new Uint8Array(1024);
  /** Deliveries since the last reset. */
  #counts = new Uint32Array(1024);
  #delivered = 0;
  #failed = 0;
  #onTheirWay = 0;
  #opening: Opening | undefined;
  /** Nobody listens: no number to be measured, but an error. */
  #refused: Error | undefined;

  constructor(reactor: Reactor) {
    this.#reactor = reactor;
    this.#owner = reactor.join(this);
  }

  get delivered(): number {
    return this.#delivered;
  }

  get failed(): number {
    return this.#failed;
  }

  get size(): number {
    return this.#requests.length;
  }

  /**
   * Opens so many more; done when each has its head (streams) or has asked (long-polls), or has failed.
   *
   * @returns how many have not failed.
   * @throws {Error} where nobody listens, descriptors run out, or heads do not come.
   */
  open(opening: Opening): number {
    this.#opening = opening;
    const failed = this.#failed;
    const first = this.size;
    const requests = new Map<string, Uint8Array>();
    for (let i = first; i < first + opening.count; i++) {
      const channel = opening.channelOf(i);
      const request = requests.get(channel) ??
        encodeText(holdRequest(opening.dialect, opening.kind, channel));
      requests.set(channel, request);
      this.#requests.push(request);
    }
    this.#grow(this.size);
    this.#connectAll(Array.from({ length: opening.count }, (_, i) => first + i));
    return opening.count - (this.#failed - failed);
  }

  /** Each that was answered since the last reset asks again. @returns how many. */
  again(): number {
    // Ends that have come already must be seen, or the request would go where nobody reads.
    while (this.#reactor.turn(0) > 0);
    const broken: number[] = [];
    let asking = 0;
    for (let i = 0; i < this.size; i++) {
      if (this.#counts[i] === 0) continue;
      asking++;
      if (this.#states[i] === OPEN && !this.#ask(i)) this.#end(i);
      if (this.#states[i] === CLOSED) broken.push(i);
    }
    this.#connectAll(broken);
    return asking;
  }

  reset(): void {
    this.#delivered = 0;
    this.#counts.fill(0);
  }

  /** True when so many deliveries have come; false when none came for `patienceMs`. */
  wait(wanted: number, patienceMs: number): boolean {
    return this.#reactor.until(() => this.#delivered >= wanted, () => this.#delivered, patienceMs);
  }

  /** Fewest and most deliveries of one client. */
  spread(): readonly [fewest: number, most: number] {
    let fewest = this.size === 0 ? 0 : Infinity;
    let most = 0;
    for (let i = 0; i < this.size; i++) {
      fewest = Math.min(fewest, this.#counts[i]!);
      most = Math.max(most, this.#counts[i]!);
    }
    return [fewest, most];
  }

  close(): void {
    for (let i = 0; i < this.size; i++) if (this.#states[i] !== CLOSED) libc.close(this.#fds[i]!);
    this.#states.fill(CLOSED);
    this.#heads.clear();
    this.#requests.length = 0;
  }

  ready(index: number, mask: number): void {
    const state = this.#states[index] as State;
    if (state === CONNECTING) return this.#connected(index, mask);
    const read = libc.receive(this.#fds[index]!, this.#buffer);
    if (read < 0 && (mask & libc.GONE) === 0) return;
    if (read <= 0) return this.#end(index);
    const body = state === OPEN ? 0 : this.#head(index, read);
    if (body < 0) return;
    const marks = countMarks(this.#buffer, body, read);
    this.#counts[index]! += marks;
    this.#delivered += marks;
  }

  #connectAll(indices: readonly number[]): void {
    const { port, window } = this.#opening!;
    let next = 0;
    const allSettled = () => {
      while (next < indices.length && this.#onTheirWay < window) this.#connect(port, indices[next++]!);
      return this.#onTheirWay === 0;
    };
    if (!this.#reactor.until(allSettled, () => next - this.#onTheirWay, OPENING_PATIENCE_MS)) {
      throw new Error(
        `Cannot open clients on port ${port}: ${this.#onTheirWay} have no answer after ` +
          `${OPENING_PATIENCE_MS / 1000} s: the peer hangs or holds no more`,
      );
    }
    const refused = this.#refused;
    this.#refused = undefined;
    if (refused !== undefined) throw refused;
  }

  #connect(port: number, index: number): void {
    const fd = libc.connect(port);
    this.#fds[index] = fd;
    this.#states[index] = CONNECTING;
    this.#onTheirWay++;
    this.#reactor.watch(fd, libc.EPOLLOUT, this.#owner, index);
  }

  #connected(index: number, mask: number): void {
    const fd = this.#fds[index]!;
    const error = libc.connectError(fd, mask);
    if (error === libc.ECONNREFUSED) this.#refused ??= libc.systemError(`open client ${index}`, error);
    if (error !== undefined) return this.#end(index);
    if (!this.#ask(index)) return this.#end(index);
    this.#reactor.change(fd, libc.EPOLLIN, this.#owner, index);
    if (this.#opening!.kind === "poll") this.#opened(index);
    else this.#states[index] = ASKING;
  }

  /** @returns whether the request went out; the connection is gone where it did not. */
  #ask(index: number): boolean {
    // A request of a hundred bytes finds room in the buffer of an idle connection, or finds no connection.
    return libc.send(this.#fds[index]!, this.#requests[index]!) === this.#requests[index]!.length;
  }

  /** Reads on in a head. @returns where the body begins in the buffer; -1 where there is none yet, or none to come. */
  #head(index: number, read: number): number {
    const before = this.#heads.get(index);
    const head = before === undefined ? this.#buffer : joined(before, this.#buffer, read);
    const length = (before?.length ?? 0) + read;
    const end = headEnd(head, length);
    if (end < 0) {
      this.#heads.set(index, before === undefined ? head.slice(0, length) : head);
      return -1;
    }
    this.#heads.delete(index);
    if (statusOf(head) !== 200) {
      this.#end(index);
      return -1;
    }
    this.#opened(index);
    return end - (before?.length ?? 0);
  }

  #opened(index: number): void {
    this.#states[index] = OPEN;
    this.#onTheirWay--;
  }

  /** The connection is gone; a client that was not open yet has failed. */
  #end(index: number): void {
    libc.close(this.#fds[index]!);
    this.#heads.delete(index);
    if (this.#states[index] !== OPEN) {
      this.#failed++;
      this.#onTheirWay--;
    }
    this.#states[index] = CLOSED;
  }

  #grow(size: number): void {
    if (size <= this.#counts.length) return;
    const length = Math.max(size, this.#counts.length * 2);
    this.#fds = grown(this.#fds, new Int32Array(length));
    this.#states = grown(this.#states, new Uint8Array(length));
    this.#counts = grown(this.#counts, new Uint32Array(length));
  }
}

function grown<T extends Int32Array | Uint8Array | Uint32Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
