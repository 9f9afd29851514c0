/** Kept connections that publish, each one request at a time. */
import { AnswerReader } from "./bytes.ts";
import * as libc from "./libc.ts";
import type { Owner, Reactor } from "./reactor.ts";

const READ_BYTES = 65_536;
const PATIENCE_MS = 30_000;

interface Connection {
  /** -1 where the peer has closed: the next request opens another. */
  fd: number;
  connected: boolean;
  /** What epoll watches. */
  mask: number;
  /** What of the request is still to be sent; undefined where there is none. */
  rest: Uint8Array | undefined;
  /** A request is under way. */
  asking: boolean;
  readonly answers: AnswerReader;
}

export class Publishers implements Owner, Disposable {
  readonly #reactor: Reactor;
  readonly #owner: number;
  readonly #port: number;
  readonly #answered: (index: number, status: number) => void;
  readonly #connections: readonly Connection[];
  readonly #buffer = new Uint8Array(READ_BYTES);

  /**
   * Connects them all.
   *
   * @param answered Told of every answer's status; 0 where there was none. May send the next.
   * @throws {Error} where nobody listens.
   */
  constructor(
    reactor: Reactor,
    { port, count, answered }: {
      readonly port: number;
      readonly count: number;
      readonly answered: (index: number, status: number) => void;
    },
  ) {
    this.#reactor = reactor;
    this.#owner = reactor.join(this);
    this.#port = port;
    this.#answered = answered;
    this.#connections = Array.from({ length: count }, () => ({
      fd: -1,
      connected: false,
      mask: 0,
      rest: undefined,
      asking: false,
      answers: new AnswerReader(),
    }));
    try {
      this.#connectAll();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** On a new connection where the peer closed the last one. Call: where none is under way. */
  send(index: number, request: Uint8Array): void {
    const connection = this.#connections[index]!;
    connection.asking = true;
    connection.rest = request;
    if (connection.fd < 0) this.#connect(index);
    else if (connection.connected) this.#write(index);
  }

  ready(index: number, mask: number): void {
    const connection = this.#connections[index]!;
    if (!connection.connected) return this.#connected(index, mask);
    if ((mask & ~libc.EPOLLOUT) !== 0) this.#read(index, mask);
    // Reading may have brought the next request, or another connection.
    if (connection.connected && connection.rest !== undefined) this.#write(index);
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#connections) if (fd >= 0) libc.close(fd);
    this.#reactor.leave(this.#owner);
  }

  #connectAll(): void {
    for (let i = 0; i < this.#connections.length; i++) this.#connect(i);
    const left = () => this.#connections.filter(({ connected }) => !connected).length;
    if (!this.#reactor.until(() => left() === 0, left, PATIENCE_MS)) {
      throw new Error(`Cannot publish to port ${this.#port}: no connection after ${PATIENCE_MS / 1000} s`);
    }
  }

  #connect(index: number): void {
    const connection = this.#connections[index]!;
    connection.fd = libc.connect(this.#port);
    connection.answers.restart();
    connection.mask = libc.EPOLLOUT;
    this.#reactor.watch(connection.fd, connection.mask, this.#owner, index);
  }

  #connected(index: number, mask: number): void {
    const connection = this.#connections[index]!;
    const error = libc.connectError(connection.fd, mask);
    if (error !== undefined) throw libc.systemError(`publish to port ${this.#port}`, error);
    libc.setNoDelay(connection.fd);
    connection.connected = true;
    this.#write(index);
  }

  /** Sends what there is to send, and waits for room only while something needs it. */
  #write(index: number): void {
    const connection = this.#connections[index]!;
    const { fd, rest } = connection;
    if (rest !== undefined) {
      const sent = libc.send(fd, rest);
      if (sent > 0) connection.rest = sent === rest.length ? undefined : rest.subarray(sent);
    }
    const mask = connection.rest === undefined ? libc.EPOLLIN : libc.EPOLLIN | libc.EPOLLOUT;
    if (mask !== connection.mask) this.#reactor.change(fd, mask, this.#owner, index);
    connection.mask = mask;
  }

  #read(index: number, mask: number): void {
    const connection = this.#connections[index]!;
    const read = libc.receive(connection.fd, this.#buffer);
    if (read < 0 && (mask & libc.GONE) === 0) return;
    if (read <= 0) return this.#end(index);
    const answer = connection.answers.push(this.#buffer, read);
    if (answer === undefined) return;
    // Closed before it is told, so that the next request does not run into the end of this connection.
    if (answer.close) this.#close(connection);
    connection.asking = false;
    connection.rest = undefined;
    this.#answered(index, answer.status);
  }

  /** The peer has closed: what was under way has no answer. */
  #end(index: number): void {
    const connection = this.#connections[index]!;
    this.#close(connection);
    if (!connection.asking) return;
    connection.asking = false;
    connection.rest = undefined;
    this.#answered(index, 0);
  }

  #close(connection: Connection): void {
    libc.close(connection.fd);
    connection.fd = -1;
    connection.connected = false;
  }
}
