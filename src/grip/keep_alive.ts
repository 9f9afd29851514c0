/** When a held stream sends its keep-alive (spec 2.6). */
import type { KeepAlive } from "./instruct.ts";
import type { SessionPort } from "./session_port.ts";

/** Drives the port's "keep-alive" timer. */
export class KeepAliveClock {
  readonly #port: SessionPort;
  #keepAlive: KeepAlive | undefined;
  #periodMs = 0;
  #sentMs = 0;

  constructor(port: SessionPort) {
    this.#port = port;
  }

  /** Starts it, or goes on where it runs already: an answer that brought nothing new to send leaves it alone. */
  start(keepAlive: KeepAlive | undefined): void {
    if (keepAlive === undefined) return this.stop();
    const before = this.#keepAlive;
    this.#keepAlive = keepAlive;
    if (before?.mode === keepAlive.mode && before.timeoutSeconds === keepAlive.timeoutSeconds) return;
    this.#arm(keepAlive);
  }

  stop(): void {
    if (this.#keepAlive === undefined) return;
    this.#keepAlive = undefined;
    this.#port.clearTimer("keep-alive");
  }

  /** An item was sent. The timer stays where it is, as moving it would cost every delivery; `due` makes up for it. */
  sent(): void {
    if (this.#keepAlive?.mode === "idle") this.#sentMs = this.#port.nowMs();
  }

  /** The timer fired: what to send now, or undefined where it is early. */
  due(): Uint8Array | undefined {
    const keepAlive = this.#keepAlive;
    if (keepAlive === undefined) return undefined;
    const leftMs = keepAlive.mode === "idle" ? this.#sentMs + this.#periodMs - this.#port.nowMs() : 0;
    if (leftMs > 0) {
      this.#port.setTimer("keep-alive", leftMs);
      return undefined;
    }
    this.#arm(keepAlive);
    return keepAlive.data;
  }

  #arm(keepAlive: KeepAlive): void {
    this.#sentMs = this.#port.nowMs();
    // Spread, so that ten thousand streams opened together do not all write together.
    this.#periodMs = Math.max(1, keepAlive.timeoutSeconds * 1000 - this.#port.random(1000));
    this.#port.setTimer("keep-alive", this.#periodMs);
  }
}
