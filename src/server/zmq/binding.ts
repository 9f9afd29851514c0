/** One bound endpoint: accepts until it is closed, whatever a single connection does. */
import { describeError, PushpinError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { type Endpoint, formatEndpoint } from "./endpoint.ts";
import { listenIpc } from "./ipc_file.ts";

/** How long accepting rests after an error such as "too many open files". */
const ACCEPT_PAUSE_MS = 100;

export interface BindingOptions {
  readonly name: string;
  readonly log: Log;
  readonly ipcFileMode: number | undefined;
  /** Owns the connection from here on; must not throw. */
  readonly accepted: (conn: Deno.Conn, address: string) => void;
}

export class Binding {
  /** What was bound, with the port the system chose where port 0 was asked for. */
  readonly endpoint: Endpoint;
  readonly #options: BindingOptions;
  readonly #listener: Deno.Listener;
  readonly #release: () => void;
  readonly #accepting: Promise<void>;
  #closed = false;
  #wake: (() => void) | undefined;

  private constructor(
    endpoint: Endpoint,
    listener: Deno.Listener,
    release: () => void,
    options: BindingOptions,
  ) {
    this.endpoint = endpoint;
    this.#listener = listener;
    this.#release = release;
    this.#options = options;
    this.#accepting = this.#accept();
  }

  /** @throws {PushpinError} `PUSHPIN_LISTEN_FAILED`, saying what would do. */
  static async open(endpoint: Endpoint, options: BindingOptions): Promise<Binding> {
    if (endpoint.transport === "ipc") {
      const { listener, release } = await listenIpc(endpoint.path, options.ipcFileMode);
      return new Binding(endpoint, listener as unknown as Deno.Listener, release, options);
    }
    try {
      const listener = Deno.listen({ transport: "tcp", hostname: endpoint.host, port: endpoint.port });
      const port = listener.addr.port;
      return new Binding({ ...endpoint, port }, listener, () => listener.close(), options);
    } catch (thrown) {
      const what = thrown instanceof Deno.errors.AddrInUse
        ? "address in use: use another port or stop the other process"
        : describeError(thrown);
      throw new PushpinError(
        "PUSHPIN_LISTEN_FAILED",
        `Cannot listen on ${formatEndpoint(endpoint)}: ${what}`,
        {
          cause: thrown,
        },
      );
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return this.#accepting;
    this.#closed = true;
    this.#release();
    this.#wake?.();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      try {
        const conn = await this.#listener.accept();
        this.#options.accepted(conn, this.#addressOf(conn));
      } catch (thrown) {
        if (this.#closed) return;
        const { log, name } = this.#options;
        log.error("zmq accept failed", {
          socket: name,
          endpoint: formatEndpoint(this.endpoint),
          reason: describeError(thrown),
        });
        await this.#pause();
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ACCEPT_PAUSE_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #addressOf(conn: Deno.Conn): string {
    const addr = conn.remoteAddr;
    if (addr.transport !== "tcp" || this.endpoint.transport === "ipc") return formatEndpoint(this.endpoint);
    return formatEndpoint({ transport: "tcp", host: addr.hostname, port: addr.port });
  }
}
