/**
 * When held sessions ask their origin again (spec 4.5). LOW ones are collected and spread, so that a lost item does not
 * send ten thousand sessions to the origin at once; sessions with the same next link go together, and share its answer.
 * HIGH ones go at once.
 */
import type { UpdatePriority } from "../../grip/session_port.ts";

/** How long LOW updates are collected, and the time between two steps. */
export const COLLECT_MS = 100;
/** LOW updates in one step: a thousand a second. */
export const UPDATES_PER_STEP = 100;

export interface Updatable {
  update(): void;
}

/** The part of the timer wheel that is needed. */
export interface StepTimer {
  set(delayMs: number, fire: () => void): unknown;
}

export class UpdateScheduler {
  readonly #timers: StepTimer;
  readonly #onError: (thrown: unknown) => void;
  /** By what is asked, in the order in which it was first wanted. */
  readonly #low = new Map<string, Set<Updatable>>();
  readonly #keys = new Map<Updatable, string>();
  #high = new Set<Updatable>();
  #stepping = false;

  constructor(timers: StepTimer, onError: (thrown: unknown) => void) {
    this.#timers = timers;
    this.#onError = onError;
  }

  /** Sessions that wait. */
  get size(): number {
    return this.#keys.size + this.#high.size;
  }

  /** Asks for `update()` once; asking again changes nothing, but HIGH overtakes LOW. */
  request(session: Updatable, priority: UpdatePriority, key: string): void {
    if (this.#high.has(session)) return;
    if (priority === "high") return this.#requestHigh(session);
    if (this.#keys.has(session)) return;
    this.#keys.set(session, key);
    const together = this.#low.get(key);
    if (together === undefined) this.#low.set(key, new Set([session]));
    else together.add(session);
    this.#stepLater();
  }

  cancel(session: Updatable): void {
    this.#high.delete(session);
    this.#takeLow(session);
  }

  #requestHigh(session: Updatable): void {
    this.#takeLow(session);
    this.#high.add(session);
    // Not inside the delivery that brought the hint: an update changes the subscriptions that are being walked.
    if (this.#high.size === 1) queueMicrotask(() => this.#runHigh());
  }

  #runHigh(): void {
    const due = this.#high;
    this.#high = new Set();
    for (const session of due) this.#run(session);
  }

  #takeLow(session: Updatable): void {
    const key = this.#keys.get(session);
    if (key === undefined) return;
    this.#keys.delete(session);
    const together = this.#low.get(key);
    together?.delete(session);
    if (together?.size === 0) this.#low.delete(key);
  }

  #stepLater(): void {
    if (this.#stepping) return;
    this.#stepping = true;
    this.#timers.set(COLLECT_MS, () => this.#step());
  }

  #step(): void {
    this.#stepping = false;
    const due: Updatable[] = [];
    for (const together of this.#low.values()) {
      for (const session of together) {
        if (due.length >= UPDATES_PER_STEP) break;
        due.push(session);
      }
    }
    for (const session of due) this.#takeLow(session);
    if (this.#keys.size > 0) this.#stepLater();
    for (const session of due) this.#run(session);
  }

  #run(session: Updatable): void {
    try {
      session.update();
    } catch (thrown) {
      this.#onError(thrown);
    }
  }
}
