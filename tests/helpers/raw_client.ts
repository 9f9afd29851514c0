/**
 * An HTTP client over a bare TCP socket: sends the bytes it is told, reads what comes and when, and knows a reset from
 * an orderly end. For everything that fetch would hide or refuse.
 */
import { concatBytes, latin1Bytes, latin1Text, toBytes, writeAll } from "./bytes.ts";
import {
  type MessageHead,
  parseStatusLine,
  type RawHeader,
  type RawResponse,
  readChunk,
  readHead,
  readResponse,
} from "./http_message.ts";
import { type WireEnd, WireReader } from "./wire_reader.ts";

/** A request in parts. Host and Content-Length are added where they are missing (Host: `example.test`). */
export interface RawRequest {
  readonly method?: string;
  readonly target: string;
  readonly version?: string;
  readonly headers?: readonly RawHeader[];
  readonly body?: string | Uint8Array;
}

/** A response's head with its status line taken apart. */
export type RawHead = MessageHead & {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
};

/** The bytes of a request, exactly as given but for Host and Content-Length. */
export function requestBytes(request: RawRequest): Uint8Array {
  const { method = "GET", target, version = "1.1", body = "" } = request;
  const headers = [...request.headers ?? []];
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const bytes = toBytes(body);
  if (!names.has("host")) headers.unshift(["Host", "example.test"]);
  if (bytes.length > 0 && !names.has("content-length") && !names.has("transfer-encoding")) {
    headers.push(["Content-Length", String(bytes.length)]);
  }
  const head = `${method} ${target} HTTP/${version}\r\n` +
    headers.map(([name, value]) => `${name}: ${value}\r\n`).join("") + "\r\n";
  return concatBytes([latin1Bytes(head), bytes]);
}

export class RawClient implements AsyncDisposable {
  readonly #conn: Deno.TcpConn;
  /** The reading side, for what the methods here do not cover. */
  readonly reader: WireReader;
  #method = "GET";

  private constructor(conn: Deno.TcpConn, options: { readonly paused?: boolean }) {
    this.#conn = conn;
    this.reader = new WireReader(conn, options);
  }

  /** `paused`: reads nothing until `startReading()`, for slow readers. Default hostname 127.0.0.1. */
  static async connect(
    to: { readonly port: number; readonly hostname?: string; readonly paused?: boolean },
  ): Promise<RawClient> {
    const conn = await Deno.connect({ hostname: to.hostname ?? "127.0.0.1", port: to.port });
    conn.setNoDelay(true);
    return new RawClient(conn, { paused: to.paused });
  }

  /** A connection that is there already, as one that a test's own origin has accepted. */
  static over(conn: Deno.TcpConn): RawClient {
    return new RawClient(conn, {});
  }

  /** This side's port, as the server sees it. */
  get localPort(): number {
    return (this.#conn.localAddr as Deno.NetAddr).port;
  }

  /** How the connection ended, if it has. */
  get end(): WireEnd | undefined {
    return this.reader.end;
  }

  startReading(): void {
    this.reader.start();
  }

  /** Sends bytes as they are; a string is one byte a character. */
  async send(data: string | Uint8Array): Promise<void> {
    await writeAll(this.#conn, toBytes(data));
  }

  /** Sends a request; its answer is read by the next `readResponse` or `readHead`. */
  async request(request: RawRequest): Promise<void> {
    this.#method = request.method ?? "GET";
    await this.send(requestBytes(request));
  }

  /** Sends a GET, or the request given, and reads the whole answer. */
  async exchange(request: RawRequest | string, deadlineMs?: number): Promise<RawResponse> {
    await this.request(typeof request === "string" ? { target: request } : request);
    return await this.readResponse({ deadlineMs });
  }

  /** One whole response; the method of the last request decides whether HEAD's rule holds. */
  readResponse(
    options: { readonly method?: string; readonly deadlineMs?: number } = {},
  ): Promise<RawResponse> {
    return readResponse(this.reader, {
      method: options.method ?? this.#method,
      deadlineMs: options.deadlineMs,
    });
  }

  /** A response's head only; its body is read piece by piece afterwards. */
  async readHead(deadlineMs?: number): Promise<RawHead> {
    const head = await readHead(this.reader, deadlineMs);
    return { ...head, ...parseStatusLine(head.line) };
  }

  /** The next chunk of a chunked body as text; undefined after the last. */
  async readChunk(deadlineMs?: number): Promise<string | undefined> {
    const chunk = await readChunk(this.reader, deadlineMs);
    return chunk && latin1Text(chunk);
  }

  /** Chunks joined until their text ends in or holds `mark`; for streams whose chunk borders do not matter. */
  async readChunksUntil(mark: string, deadlineMs?: number): Promise<string> {
    let text = "";
    while (!text.includes(mark)) {
      const chunk = await this.readChunk(deadlineMs);
      if (chunk === undefined) {
        throw new Error(`Body ended before ${JSON.stringify(mark)}: have ${JSON.stringify(text)}`);
      }
      text += chunk;
    }
    return text;
  }

  /** Raw text up to and including `mark`. */
  async readUntil(mark: string, deadlineMs?: number): Promise<string> {
    return latin1Text(await this.reader.takeUntil(mark, deadlineMs));
  }

  /** Raw text that arrives within `forMs`, or until the end of the connection. */
  async collect(forMs: number): Promise<string> {
    return latin1Text(await this.reader.collect(forMs));
  }

  /** Everything up to the end of the connection, and how it ended. */
  async readToEnd(deadlineMs?: number): Promise<{ readonly text: string; readonly end: WireEnd }> {
    const { bytes, end } = await this.reader.takeAll(deadlineMs);
    return { text: latin1Text(bytes), end };
  }

  /** Waits until the peer has ended the connection. */
  ended(deadlineMs?: number): Promise<WireEnd> {
    return this.reader.ended(deadlineMs);
  }

  /** Ends the sending side only. */
  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  async close(): Promise<void> {
    await this.reader.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** One request on a connection of its own. */
export async function askOnce(
  port: number,
  request: RawRequest | string,
  deadlineMs?: number,
): Promise<RawResponse> {
  await using client = await RawClient.connect({ port });
  return await client.exchange(request, deadlineMs);
}
