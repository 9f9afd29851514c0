/**
 * A small world around a running program for tests of processes that die: a backend that knows its history, listeners
 * on streams and long-polls that note what reaches them, a publisher that notes what was acknowledged.
 */
import { concatBytes, latin1Text } from "./bytes.ts";
import { pause } from "./wait.ts";

const CHANNEL = "news";
const encoder = new TextEncoder();

/** Messages are `m1`, `m2` …, one a line. */
export interface History {
  readonly messages: readonly string[];
}

/**
 * A GRIP backend: `/stream` holds a stream, `/poll?since=N` answers with what is newer or holds with the last id,
 * `/plain` answers, `/slow` answers after 300 ms in two parts.
 */
export class Backend implements AsyncDisposable, History {
  readonly messages: string[] = [];
  /** Requests for `/slow` and `/poll` that have come so far. */
  asked = 0;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (r) => this.#answer(r));
  }

  get port(): number {
    return this.#server.addr.port;
  }

  get lastId(): string {
    return this.messages.at(-1) ?? "m0";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/stream":
        return new Response("open\n", {
          headers: { "content-type": "text/plain", "grip-hold": "stream", "grip-channel": CHANNEL },
        });
      case "/poll": {
        this.asked++;
        const since = Number(url.searchParams.get("since"));
        const newer = this.messages.slice(since);
        if (newer.length > 0) return new Response(`${newer.join("\n")}\n`);
        return new Response("", {
          headers: {
            "grip-hold": "response",
            "grip-channel": `${CHANNEL}; prev-id=m${since}`,
            "grip-timeout": url.searchParams.get("timeout") ?? "30",
          },
        });
      }
      case "/slow": {
        this.asked++;
        await pause(300);
        return new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue(encoder.encode("first "));
              await pause(100);
              controller.enqueue(encoder.encode("second"));
              controller.close();
            },
          }),
        );
      }
      default:
        return new Response("plain");
    }
  }
}

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

/** One GET on a connection of its own; throws where no whole answer comes. */
export async function exchange(
  port: number,
  path: string,
  onConn: (conn: Deno.TcpConn) => void = () => {},
): Promise<{ readonly status: number; readonly body: string }> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  onConn(conn);
  try {
    await conn.write(
      encoder.encode(`GET ${path} HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n`),
    );
    const parts: Uint8Array[] = [];
    const buffer = new Uint8Array(16 * 1024);
    for (;;) {
      const text = latin1Text(concatBytes(parts));
      const answer = wholeAnswer(text);
      if (answer !== undefined) return answer;
      const count = await conn.read(buffer);
      if (count === null) throw new Error(`Answer cut after ${JSON.stringify(text.slice(0, 200))}`);
      parts.push(buffer.slice(0, count));
    }
  } finally {
    try {
      conn.close();
    } catch {
      // Closed by whoever did not want to wait any longer.
    }
  }
}

function wholeAnswer(text: string): { readonly status: number; readonly body: string } | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const status = Number(head.slice(9, 12));
  let rest = text.slice(end + 4);
  const length = /^content-length: *(\d+)$/im.exec(head)?.[1];
  if (length !== undefined) {
    return rest.length >= Number(length) ? { status, body: rest.slice(0, Number(length)) } : undefined;
  }
  let body = "";
  for (;;) {
    const line = rest.indexOf("\r\n");
    if (line < 0) return undefined;
    const size = parseInt(rest.slice(0, line), 16);
    if (rest.length < line + 2 + size + 2) return undefined;
    if (size === 0) return { status, body };
    body += rest.slice(line + 2, line + 2 + size);
    rest = rest.slice(line + 2 + size + 2);
  }
}

/** Publishes m1, m2 … with ids, in order, each until it is acknowledged. */
export class Publisher {
  /** When each message was acknowledged, by `performance.now()`. */
  readonly acknowledged = new Map<string, number>();
  refusals = 0;
  readonly #controlUrl: string;
  readonly #backend: Backend;
  readonly #everyMs: number;
  #open = true;
  readonly done: Promise<void>;

  constructor(controlUrl: string, backend: Backend, perSecond: number) {
    this.#controlUrl = controlUrl;
    this.#backend = backend;
    this.#everyMs = 1000 / perSecond;
    this.done = this.#run();
  }

  /** Finishes the message that is under way. */
  async stop(): Promise<void> {
    this.#open = false;
    await this.done;
  }

  async #run(): Promise<void> {
    for (let number = 1; this.#open; number++) {
      const id = `m${number}`;
      const next = performance.now() + this.#everyMs;
      // The backend's truth comes first, as in a real one: who asks now is told at once.
      this.#backend.messages.push(id);
      while (!await this.#publish(id, `m${number - 1}`)) {
        this.refusals++;
        await pause(10);
      }
      this.acknowledged.set(id, performance.now());
      await pause(Math.max(0, next - performance.now()));
    }
  }

  async #publish(id: string, prevId: string): Promise<boolean> {
    const item = {
      channel: CHANNEL,
      id,
      "prev-id": prevId,
      formats: { "http-stream": { content: `${id}\n` }, "http-response": { body: `${id}\n` } },
    };
    try {
      const response = await fetch(`${this.#controlUrl}/publish/`, {
        method: "POST",
        body: JSON.stringify({ items: [item] }),
      });
      await response.body?.cancel();
      return response.status === 200;
    } catch {
      // Nobody listens, or it died before it answered: not acknowledged.
      return false;
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
