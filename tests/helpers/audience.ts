/**
 * Listeners around a running program for tests of processes that die: on streams and long-polls, noting what reaches
 * them and how they end.
 */
import { latin1Text } from "./bytes.ts";
import { exchange } from "./history_backend.ts";
import { pause } from "./wait.ts";

const encoder = new TextEncoder();

/** Holds one stream and notes what comes, until it ends or is closed. */
export class StreamListener {
  readonly got: string[] = [];
  /** "open", then how the stream ended: "whole" with its last chunk, "cut" without. */
  state: "open" | "whole" | "cut" | "closed" = "open";
  readonly #conn: Deno.TcpConn;
  readonly done: Promise<void>;

  private constructor(conn: Deno.TcpConn, opened: () => void) {
    this.#conn = conn;
    this.done = this.#read(opened);
  }

  /** Resolves when the hold is there: its first line has come. */
  static async open(port: number, path = "/stream"): Promise<StreamListener> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(encoder.encode(`GET ${path} HTTP/1.1\r\nHost: example.test\r\n\r\n`));
    const { promise, resolve } = Promise.withResolvers<void>();
    const listener = new StreamListener(conn, resolve);
    await Promise.race([promise, listener.done]);
    return listener;
  }

  /** Our own end of it. */
  async close(): Promise<void> {
    if (this.state === "open") this.state = "closed";
    try {
      this.#conn.close();
    } catch {
      // Ended already.
    }
    await this.done;
  }

  async #read(opened: () => void): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    let rest = "";
    try {
      for (;;) {
        const count = await this.#conn.read(buffer);
        if (count === null) break;
        const lines = (rest + latin1Text(buffer.subarray(0, count))).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (/^m\d+$/.test(line)) this.got.push(line);
          else if (line === "open") opened();
          else if (line === "0\r") {
            // The last chunk: nothing more will come, and the connection might stay.
            if (this.state === "open") this.state = "whole";
            this.#conn.close();
            return;
          }
        }
      }
    } catch {
      // A reset, or our own close: the state tells which.
    }
    if (this.state === "open") {
      this.state = "cut";
      this.#conn.close();
    }
  }
}

/**
 * Polls for what is newer than it has, again and again, `restMs` after each answer; a broken poll is asked again, as a
 * client does.
 */
export class PollListener {
  readonly got: string[] = [];
  breaks = 0;
  polls = 0;
  readonly #port: number;
  readonly #restMs: number;
  #conn: Deno.TcpConn | undefined;
  #open = true;
  readonly done: Promise<void>;

  constructor(port: number, restMs = 0) {
    this.#port = port;
    this.#restMs = restMs;
    this.done = this.#run();
  }

  async close(): Promise<void> {
    this.#open = false;
    try {
      this.#conn?.close();
    } catch {
      // Between two polls.
    }
    await this.done;
  }

  async #run(): Promise<void> {
    while (this.#open) {
      this.polls++;
      try {
        const since = this.got.at(-1)?.slice(1) ?? "0";
        const { status, body } = await exchange(
          this.#port,
          `/poll?since=${since}`,
          (conn) => this.#conn = conn,
        );
        if (status !== 200) throw new Error(`status ${status}`);
        this.got.push(...body.split("\n").filter((line) => line !== ""));
        if (this.#restMs > 0 && this.#open) await pause(this.#restMs);
      } catch {
        if (!this.#open) return;
        this.breaks++;
        await pause(20);
      }
    }
  }
}

/** Opens so many at a time that no backlog overflows. */
export async function openMany<T>(count: number, open: () => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  while (opened.length < count) {
    const batch = Math.min(50, count - opened.length);
    opened.push(...await Promise.all(Array.from({ length: batch }, open)));
  }
  return opened;
}

/** Ends all of them from our side. */
export async function closeAll(listeners: readonly { close(): Promise<void> }[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.close()));
}
