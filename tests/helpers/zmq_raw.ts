/** A hand-made ZMTP peer on a plain TCP connection, for what no proper peer would send. */
import { encodeReady } from "../../src/server/wire/zmtp_commands.ts";
import { encodeGreeting, GREETING_BYTES } from "../../src/server/wire/zmtp_greeting.ts";
import type { Log, LogFields } from "../../src/log.ts";
import { writeAll } from "./bytes.ts";

export class RawZmtp implements Disposable {
  readonly conn: Deno.TcpConn;

  private constructor(conn: Deno.TcpConn) {
    this.conn = conn;
  }

  /** Connected to `tcp://127.0.0.1:port`, nothing sent. */
  static async connect(endpoint: string): Promise<RawZmtp> {
    const port = Number(endpoint.slice(endpoint.lastIndexOf(":") + 1));
    return new RawZmtp(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Greeting and READY are over. */
  static async ready(endpoint: string, socketType: string): Promise<RawZmtp> {
    const raw = await RawZmtp.connect(endpoint);
    await raw.send(encodeGreeting(1), encodeReady(socketType));
    await raw.read(GREETING_BYTES + 2);
    return raw;
  }

  async send(...parts: Uint8Array[]): Promise<void> {
    for (const part of parts) await writeAll(this.conn, part);
  }

  /** At least so many bytes, or what there is until the end. */
  async read(atLeast: number): Promise<Uint8Array> {
    const all: number[] = [];
    const buffer = new Uint8Array(65536);
    while (all.length < atLeast) {
      const count = await this.conn.read(buffer);
      if (count === null) break;
      all.push(...buffer.subarray(0, count));
    }
    return Uint8Array.from(all);
  }

  /** Settles when the other side has closed, cleanly or not. */
  async closed(): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      while (await this.conn.read(buffer) !== null);
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.ConnectionReset || thrown instanceof Deno.errors.BrokenPipe)) {
        throw thrown;
      }
    }
  }

  [Symbol.dispose](): void {
    this.conn.close();
  }
}

/** Keeps its warnings and errors. */
export class KeepingLog implements Log {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: LogFields }[] = [];
  enabled = () => true;
  error = (message: string, fields: LogFields = {}) =>
    void this.lines.push({ level: "error", message, fields });
  warn = (message: string, fields: LogFields = {}) =>
    void this.lines.push({ level: "warn", message, fields });
  info = () => {};
  debug = () => {};
  trace = () => {};
}
