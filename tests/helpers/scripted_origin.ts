/**
 * An HTTP/1.1 origin over bare sockets: it records every request exactly as sent and answers by rules. What a rule
 * cannot say in parts it says in raw bytes.
 */
import { gzipSync } from "node:zlib";
import { latin1Bytes, latin1Text, toBytes, writeAll } from "./bytes.ts";
import { headerOf, readBody, readHead } from "./http_message.ts";
import {
  chunkOf,
  headText,
  type OriginAnswer,
  type OriginPart,
  type OriginResponse,
  type OriginRule,
  type RecordedRequest,
} from "./origin_script.ts";
import { DeadlineError, DEFAULT_DEADLINE_MS, Gate, pause } from "./wait.ts";
import { type WireEnd, WireEndError, WireReader } from "./wire_reader.ts";

export type { OriginAnswer, OriginPart, OriginResponse, OriginRule, RecordedRequest };

/** What no rule wants. */
const UNMATCHED: OriginResponse = { status: 200, reason: "OK", body: "" };

export class ScriptedOrigin implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Promise<void>>();
  readonly #readers = new Set<WireReader>();
  readonly #rules: { rule: OriginRule; left: number }[] = [];
  readonly #requests: RecordedRequest[] = [];
  readonly #closed = new Gate();
  readonly #accepting: Promise<void>;
  #arrived = Promise.withResolvers<void>();
  #taken = 0;
  #connectionCount = 0;

  private constructor(listener: Deno.TcpListener, rules: readonly OriginRule[]) {
    this.#listener = listener;
    this.setRules(rules);
    this.#accepting = this.#accept();
  }

  /** Listens on 127.0.0.1 and a port of the system's choice. */
  static start(options: {
    readonly rules?: readonly OriginRule[];
    readonly port?: number;
    readonly hostname?: string;
  } = {}): ScriptedOrigin {
    const listener = Deno.listen({ hostname: options.hostname ?? "127.0.0.1", port: options.port ?? 0 });
    return new ScriptedOrigin(listener, options.rules ?? []);
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** Every request so far, oldest first. */
  get requests(): readonly RecordedRequest[] {
    return this.#requests;
  }

  /** Connections accepted so far. */
  get connectionCount(): number {
    return this.#connectionCount;
  }

  /** Connections open now. */
  get openConnections(): number {
    return this.#connections.size;
  }

  /** Replaces all rules; the first that fits answers. */
  setRules(rules: readonly OriginRule[]): void {
    this.#rules.length = 0;
    for (const rule of rules) this.#rules.push({ rule, left: rule.times ?? Infinity });
  }

  /** Adds a rule before those there are. */
  on(target: string | RegExp, respond: OriginAnswer, options: { readonly times?: number } = {}): this {
    this.#rules.unshift({ rule: { target, respond, ...options }, left: options.times ?? Infinity });
    return this;
  }

  /** The next request nobody asked for yet, waiting for it where it has not come. */
  async nextRequest(deadlineMs = DEFAULT_DEADLINE_MS): Promise<RecordedRequest> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#notify();
    }, deadlineMs);
    try {
      for (;;) {
        const request = this.#requests[this.#taken];
        if (request) {
          this.#taken++;
          return request;
        }
        if (late) throw new DeadlineError(`request ${this.#taken + 1} at the origin`, deadlineMs);
        await this.#arrived.promise;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Cuts every open connection; the listener goes on. */
  async dropConnections(): Promise<void> {
    await Promise.all([...this.#readers].map((reader) => reader.close()));
  }

  async close(): Promise<void> {
    this.#closed.open();
    this.#listener.close();
    await this.#accepting;
    await this.dropConnections();
    await Promise.all(this.#connections);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        const serving = this.#serve(conn, ++this.#connectionCount);
        this.#connections.add(serving);
        serving.finally(() => this.#connections.delete(serving));
      }
    } catch (e) {
      if (!(e instanceof Deno.errors.BadResource)) throw e; // what a closed listener says
    }
  }

  #notify(): void {
    const arrived = this.#arrived;
    this.#arrived = Promise.withResolvers<void>();
    arrived.resolve();
  }

  async #serve(conn: Deno.TcpConn, connection: number): Promise<void> {
    const reader = new WireReader(conn);
    this.#readers.add(reader);
    const gone = Promise.withResolvers<WireEnd>();
    const watching = reader.ended(Infinity).then(gone.resolve);
    try {
      while (await this.#answerOne(conn, reader, { connection, gone: gone.promise }));
    } catch (e) {
      // The proxy went away in the middle of something: what a test sees of it is `gone`.
      if (!(e instanceof WireEndError) && !isConnectionError(e)) throw e;
    } finally {
      await reader.close();
      await watching;
      this.#readers.delete(reader);
    }
  }

  /** True where the connection may carry another request. */
  async #answerOne(
    conn: Deno.TcpConn,
    reader: WireReader,
    from: { readonly connection: number; readonly gone: Promise<WireEnd> },
  ): Promise<boolean> {
    const head = await readHead(reader, Infinity);
    if ((headerOf(head, "expect") ?? "").toLowerCase() === "100-continue") {
      await writeAll(conn, latin1Bytes("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    const { body } = await readBody(reader, head, { kind: "request", deadlineMs: Infinity });
    const [method = "", target = "", version = ""] = head.line.split(" ");
    const request: RecordedRequest = {
      method,
      target,
      version,
      headers: head.headers,
      rawHead: head.raw,
      body,
      text: latin1Text(body),
      ...from,
      header: (name) => headerOf(head, name),
    };
    this.#requests.push(request);
    const answer = this.#pick(target);
    this.#notify();
    const response = typeof answer === "function" ? await answer(request) : answer;
    return await this.#respond(conn, request, response);
  }

  #pick(target: string): OriginAnswer {
    for (const entry of this.#rules) {
      const { target: wanted, respond } = entry.rule;
      const fits = typeof wanted === "string" ? target.startsWith(wanted) : wanted.test(target);
      if (!fits || entry.left <= 0) continue;
      entry.left--;
      return respond;
    }
    return UNMATCHED;
  }

  async #respond(conn: Deno.TcpConn, request: RecordedRequest, response: OriginResponse): Promise<boolean> {
    if (response.before) await this.#wait(response.before, request);
    const { raw } = response;
    if (raw !== undefined) {
      const parts = typeof raw === "string" || raw instanceof Uint8Array ? [raw] : raw;
      await this.#sendParts(conn, request, parts, (bytes) => bytes);
      return false;
    }
    const body = this.#body(response);
    await writeAll(conn, latin1Bytes(headText(response, body.length)));
    if (request.method === "HEAD") return response.close !== true;
    if (response.chunks === undefined) {
      await writeAll(conn, body);
      return response.close !== true;
    }
    await this.#sendParts(conn, request, response.chunks, chunkOf);
    if (response.truncate === true) return false;
    await writeAll(conn, latin1Bytes("0\r\n\r\n"));
    return response.close !== true;
  }

  #body(response: OriginResponse): Uint8Array {
    if (response.gzip === undefined) return toBytes(response.body ?? "");
    return gzipSync(response.gzip, { level: 9 });
  }

  async #sendParts(
    conn: Deno.TcpConn,
    request: RecordedRequest,
    parts: readonly OriginPart[],
    wrap: (bytes: Uint8Array) => Uint8Array,
  ): Promise<void> {
    for (const part of parts) {
      if (part instanceof Gate) await this.#wait(part, request);
      else if (typeof part === "object" && "delayMs" in part) await pause(part.delayMs);
      else await writeAll(conn, wrap(toBytes(part)));
    }
  }

  /** A gate that never opens must not keep the origin from ending. */
  async #wait(gate: Gate, request: RecordedRequest): Promise<void> {
    await Promise.race([gate.opened, this.#closed.opened, request.gone]);
  }
}

function isConnectionError(e: unknown): boolean {
  return e instanceof Deno.errors.BrokenPipe || e instanceof Deno.errors.ConnectionReset ||
    e instanceof Deno.errors.BadResource || e instanceof Deno.errors.Interrupted ||
    e instanceof Deno.errors.ConnectionAborted;
}
