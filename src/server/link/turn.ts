/** When whoever hands messages on lets the others have their turn. */
import { setImmediate } from "node:timers";

/**
 * What may be handed on in one turn of the event loop. Sockets are written between turns only, so more would fill the
 * queues of clients that read as fast as can be, up to the bound at which they are cut.
 */
const TURN_BYTES = 64 * 1024;
const TURN_MESSAGES = 256;
/** For messages that go to many: heartbeats and other requests wait no longer than this. */
const TURN_MS = 50;

/**
 * Lets the runtime write what is queued. Neither a microtask nor a read that has its bytes already does that, and a
 * timer of 0 ms costs 2 ms where this costs 0.2 (Deno 2.9.6).
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Counts what one turn has handed on. */
export class Turn {
  #bytes = 0;
  #messages = 0;
  #end = 0;

  /** Goes on where it stopped: whether there was a turn meanwhile nobody can tell. */
  resume(): void {
    this.#end = performance.now() + TURN_MS;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#messages++;
  }

  /** Time for the others. */
  get over(): boolean {
    return this.#bytes >= TURN_BYTES || this.#messages >= TURN_MESSAGES || performance.now() >= this.#end;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#bytes = this.#messages = 0;
    this.resume();
  }
}
