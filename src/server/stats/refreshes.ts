/**
 * What has to be told again and again before its time to live is over. All wait equally long, so the queue of those to
 * come is in the order in which they were told: one timer and no sorting for a hundred thousand connections.
 */
import type { StatsTimers } from "./packet.ts";

export interface RefreshesOptions {
  readonly timers: StatsTimers;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly periodMs: number;
  readonly refresh: (key: string) => void;
}

export class Refreshes {
  /** Due times by key, the next one first. */
  readonly #due = new Map<string, number>();
  readonly #options: RefreshesOptions;
  /** The timer that counts; one that was set before everything was cleared does not. */
  #armed: object | undefined;

  constructor(options: RefreshesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#due.size;
  }

  has(key: string): boolean {
    return this.#due.has(key);
  }

  /** `afterMs` is for those that are there from the beginning: ascending, and at most a period. */
  add(key: string, afterMs: number = this.#options.periodMs): void {
    this.#due.delete(key);
    this.#due.set(key, this.#options.now() + afterMs);
    this.#arm();
  }

  /** False where it was not there. */
  delete(key: string): boolean {
    return this.#due.delete(key);
  }

  clear(): void {
    this.#due.clear();
    this.#armed = undefined;
  }

  #arm(): void {
    if (this.#armed !== undefined) return;
    const first = this.#due.values().next();
    if (first.done === true) return;
    const armed = this.#armed = {};
    const { timers, now } = this.#options;
    timers.set(Math.max(0, first.value - now()), () => {
      if (this.#armed === armed) this.#fire();
    });
  }

  #fire(): void {
    this.#armed = undefined;
    const { now, periodMs, refresh } = this.#options;
    const at = now();
    for (const [key, due] of this.#due) {
      if (due > at) break;
      this.#due.delete(key);
      this.#due.set(key, at + periodMs);
      refresh(key);
    }
    this.#arm();
  }
}
