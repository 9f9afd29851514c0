/** One endpoint we connect to: keeps a connection there, with pauses that double while it cannot be had. */
import { describeError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { type Endpoint, formatEndpoint } from "./endpoint.ts";

/** How a connection that we had ended: `well` when it had been of use, so the next pause is short again. */
export interface Served {
  readonly wasReady: boolean;
}

export interface ConnectingOptions {
  readonly name: string;
  readonly log: Log;
  readonly reconnectMs: number;
  readonly reconnectMaxMs: number;
  /** Owns the connection; settles when it is over. */
  readonly serve: (conn: Deno.Conn, address: string) => Promise<Served>;
  /** Told of every attempt that failed, before the pause. */
  readonly failed: (thrown: unknown) => void;
}

export class Connecting {
  readonly endpoint: Endpoint;
  readonly #options: ConnectingOptions;
  readonly #running: Promise<void>;
  /** A connect that hangs, as to an address behind a silent firewall, ends with the socket. */
  readonly #stop = new AbortController();
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(endpoint: Endpoint, options: ConnectingOptions) {
    this.endpoint = endpoint;
    this.#options = options;
    this.#running = this.#run();
  }

  /** Connects no more. The connection that is there is its socket's to end, before or after; this waits for that. */
  async close(): Promise<void> {
    this.stop();
    await this.#running;
  }

  /** Lets {@link close} be decided before the connection ends. */
  stop(): void {
    this.#closed = true;
    this.#stop.abort();
    this.#wake?.();
  }

  async #run(): Promise<void> {
    const { log, name, reconnectMs, reconnectMaxMs } = this.#options;
    const address = formatEndpoint(this.endpoint);
    let pauseMs = reconnectMs;
    let complained = false;
    // The caller finishes its own turn first: nothing happens inside a constructor.
    await Promise.resolve();
    while (!this.#closed) {
      try {
        const conn = await connectTo(this.endpoint, this.#stop.signal);
        if (this.#closed) return conn.close();
        const { wasReady } = await this.#options.serve(conn, address);
        if (wasReady) {
          pauseMs = reconnectMs;
          complained = false;
        }
      } catch (thrown) {
        if (this.#closed) return;
        this.#options.failed(thrown);
        // One line for an endpoint that is away, not one for each attempt.
        const fields = { socket: name, endpoint: address, reason: describeError(thrown) };
        if (complained) log.debug("zmq connect failed", fields);
        else log.warn("zmq connect failed, trying on", fields);
        complained = true;
      }
      if (this.#closed) return;
      await this.#pause(pauseMs);
      pauseMs = Math.min(reconnectMaxMs, pauseMs * 2);
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

async function connectTo(endpoint: Endpoint, signal: AbortSignal): Promise<Deno.Conn> {
  if (endpoint.transport === "ipc") return await Deno.connect({ transport: "unix", path: endpoint.path });
  // What is bound to every interface is reached through the loopback, as libzmq does.
  const hostname = endpoint.host === "0.0.0.0" ? "127.0.0.1" : endpoint.host;
  return await Deno.connect({ transport: "tcp", hostname, port: endpoint.port, signal });
}
