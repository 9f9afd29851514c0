/** A GRIP backend that knows its history, and the plainest client: for tests of processes that die. */
import { concatBytes, latin1Text } from "./bytes.ts";
import { pause } from "./wait.ts";

/** The one channel of these tests. */
export const CHANNEL = "news";
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
