/** Finds out that a client left before it had its answer; later its response stream is cancelled. */

export class ClientWatch {
  #unwatch: (() => void) | undefined;

  /** Calls `left` once, at once where the client has left already. Watching again changes nothing. */
  start(signal: AbortSignal, left: () => void): void {
    if (signal.aborted) return left();
    if (this.#unwatch !== undefined) return;
    signal.addEventListener("abort", left, { once: true });
    this.#unwatch = () => signal.removeEventListener("abort", left);
  }

  /** The answer is there: the signal aborts after every answer, and means nothing any more. */
  stop(): void {
    this.#unwatch?.();
  }
}
