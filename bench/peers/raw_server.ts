/**
 * The program behind raw.ts: GET /sub?channel=C is a stream, POST /pub?channel=C goes to all of them and is answered
 * then, every other GET is answered "ok". Each message of each client is one send(); what a full socket does not take
 * waits for it.
 */
import { headEnd, joined } from "../load/bytes.ts";
import * as libc from "../load/libc.ts";
import { type Owner, Reactor } from "../load/reactor.ts";
import { decodeText, encodeText } from "../text.ts";

/** A client that is behind by more messages is cut. */
const MAX_BEHIND = 50_000;
const BACKLOG = 8192;
const STREAM = encodeText("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: open\n\n");
const OK = encodeText("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

interface Connection {
  readonly fd: number;
  /** The beginning of a request. */
  pending: Uint8Array | undefined;
  /** What the socket has not taken yet, in order; the first perhaps in part. */
  readonly behind: Uint8Array[];
  channel: string | undefined;
}

class Server implements Owner {
  readonly #reactor = new Reactor();
  readonly #owner = this.#reactor.join(this);
  readonly #listener: number;
  /** By descriptor. */
  readonly #connections = new Map<number, Connection>();
  readonly #channels = new Map<string, Set<Connection>>();
  readonly #buffer = new Uint8Array(65_536);

  constructor(port: number) {
    this.#listener = libc.listen(port, BACKLOG);
    this.#reactor.watch(this.#listener, libc.EPOLLIN, this.#owner, this.#listener);
  }

  run(): never {
    for (;;) this.#reactor.turn(-1);
  }

  ready(fd: number, mask: number): void {
    if (fd === this.#listener) return this.#accept();
    const connection = this.#connections.get(fd);
    // Cut by a publish in the same turn.
    if (connection === undefined) return;
    if ((mask & libc.EPOLLOUT) !== 0) this.#catchUp(connection);
    if ((mask & ~libc.EPOLLOUT) !== 0) this.#read(connection, mask);
  }

  #accept(): void {
    const fd = libc.accept(this.#listener);
    if (fd < 0) return;
    libc.setNoDelay(fd);
    this.#connections.set(fd, { fd, pending: undefined, behind: [], channel: undefined });
    this.#reactor.watch(fd, libc.EPOLLIN, this.#owner, fd);
  }

  #read(connection: Connection, mask: number): void {
    const read = libc.receive(connection.fd, this.#buffer);
    if (read < 0 && (mask & libc.GONE) === 0) return;
    if (read <= 0) return this.#cut(connection);
    const { pending } = connection;
    let bytes = pending === undefined ? this.#buffer.subarray(0, read) : joined(pending, this.#buffer, read);
    for (let used = this.#request(connection, bytes); used > 0; used = this.#request(connection, bytes)) {
      bytes = bytes.subarray(used);
    }
    connection.pending = bytes.length === 0 ? undefined : bytes.slice();
  }

  /** Answers the request at the beginning. @returns its bytes; 0 while it is not whole. */
  #request(connection: Connection, bytes: Uint8Array): number {
    const head = headEnd(bytes, bytes.length);
    if (head < 0) return 0;
    const text = decodeText(bytes.subarray(0, head));
    const end = head + Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
    if (bytes.length < end) return 0;
    const channel = /^\w+ \S*[?]channel=(\S*) /.exec(text)?.[1];
    if (text.startsWith("POST ")) {
      const message = encodeText(`data: ${decodeText(bytes.subarray(head, end))}\n\n`);
      for (const member of this.#channels.get(channel ?? "") ?? []) this.#send(member, message);
      this.#send(connection, OK);
    } else if (channel === undefined) this.#send(connection, OK);
    else this.#subscribe(connection, channel);
    return end;
  }

  #subscribe(connection: Connection, channel: string): void {
    let members = this.#channels.get(channel);
    if (members === undefined) this.#channels.set(channel, members = new Set());
    members.add(connection);
    connection.channel = channel;
    this.#send(connection, STREAM);
  }

  #send(connection: Connection, bytes: Uint8Array): void {
    const { fd, behind } = connection;
    if (behind.length > 0) {
      if (behind.push(bytes) > MAX_BEHIND) this.#cut(connection);
      return;
    }
    const sent = libc.send(fd, bytes);
    if (sent === bytes.length) return;
    behind.push(sent < 0 ? bytes : bytes.subarray(sent));
    this.#reactor.change(fd, libc.EPOLLIN | libc.EPOLLOUT, this.#owner, fd);
  }

  /** Sends what waits, each message by itself, until the socket is full again. */
  #catchUp(connection: Connection): void {
    const { fd, behind } = connection;
    let done = 0;
    while (done < behind.length) {
      const bytes = behind[done]!;
      const sent = libc.send(fd, bytes);
      if (sent < 0) break;
      if (sent < bytes.length) {
        behind[done] = bytes.subarray(sent);
        break;
      }
      done++;
    }
    behind.splice(0, done);
    if (behind.length === 0) this.#reactor.change(fd, libc.EPOLLIN, this.#owner, fd);
  }

  #cut(connection: Connection): void {
    if (!this.#connections.delete(connection.fd)) return;
    libc.close(connection.fd);
    if (connection.channel !== undefined) this.#channels.get(connection.channel)?.delete(connection);
  }
}

new Server(Number(Deno.args[0])).run();
