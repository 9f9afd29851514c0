/**
 * One timer for everything that waits. A hashed wheel: setting, moving and clearing cost a few pointer writes, and ten
 * thousand keep-alives wake the process at most once a tick. The runtime's own timer runs only while something waits.
 */

/** Granularity. A timer fires at its due time or up to one tick later, never before. */
export const TICK_MS = 50;
const SLOTS = 1024;

/** A timer that was set; opaque to its owner. Links are null when it is not in the wheel. */
export class TimerHandle {
  fire: () => void;
  /** The tick at which it is due. */
  tick = 0;
  previous: TimerHandle | null = null;
  next: TimerHandle | null = null;

  constructor(fire: () => void) {
    this.fire = fire;
  }
}

const noop = () => {};

export interface TimerWheelOptions {
  /** A timer that throws must not stop the others; what it threw comes here. */
  readonly onError: (thrown: unknown) => void;
  /** Milliseconds, monotonic; tests bring their own. */
  readonly now?: () => number;
}

export class TimerWheel implements Disposable {
  readonly #slots: TimerHandle[] = [];
  readonly #now: () => number;
  readonly #onError: (thrown: unknown) => void;
  readonly #startMs: number;
  /** The last tick that was swept. */
  #swept = 0;
  #waiting = 0;
  #interval: ReturnType<typeof setInterval> | undefined;

  constructor(options: TimerWheelOptions) {
    this.#onError = options.onError;
    this.#now = options.now ?? (() => performance.now());
    this.#startMs = this.#now();
    for (let i = 0; i < SLOTS; i++) {
      // A sentinel, so that neither end of a slot's ring needs a special case.
      const ring = new TimerHandle(noop);
      ring.previous = ring.next = ring;
      this.#slots.push(ring);
    }
  }

  /** How many timers wait. */
  get size(): number {
    return this.#waiting;
  }

  /** Calls `fire` once, after `delayMs` and at most a tick later. */
  set(delayMs: number, fire: () => void): TimerHandle {
    const handle = new TimerHandle(fire);
    this.move(handle, delayMs);
    return handle;
  }

  /** Sets a handle again, whether it waits, fired or was cleared. */
  move(handle: TimerHandle, delayMs: number): void {
    this.clear(handle);
    if (this.#waiting === 0) this.#swept = this.#tickNow();
    const due = Math.ceil((this.#now() - this.#startMs + Math.max(0, delayMs)) / TICK_MS);
    handle.tick = Math.max(due, this.#swept + 1);
    const ring = this.#slots[handle.tick % SLOTS]!;
    handle.previous = ring.previous;
    handle.next = ring;
    ring.previous!.next = handle;
    ring.previous = handle;
    this.#waiting++;
    this.#interval ??= setInterval(() => this.sweep(), TICK_MS);
  }

  /** Forgets a timer; one that fired or was cleared already stays as it is. */
  clear(handle: TimerHandle): void {
    if (handle.next === null) return;
    this.#unlink(handle);
  }

  /** Fires what is due. The interval calls it; tests with their own clock call it themselves. */
  sweep(): void {
    const until = this.#tickNow();
    while (this.#swept < until) {
      this.#swept++;
      const ring = this.#slots[this.#swept % SLOTS]!;
      // Collected first: what fires may clear, move or set its neighbours.
      const due: TimerHandle[] = [];
      for (let handle = ring.next!; handle !== ring; handle = handle.next!) {
        if (handle.tick <= this.#swept) due.push(handle);
      }
      for (const handle of due) {
        if (handle.next === null || handle.tick > this.#swept) continue;
        this.#unlink(handle);
        try {
          handle.fire();
        } catch (thrown) {
          this.#onError(thrown);
        }
      }
    }
    if (this.#waiting === 0) this.#stop();
  }

  [Symbol.dispose](): void {
    this.#stop();
    for (const ring of this.#slots) {
      for (let handle = ring.next!; handle !== ring; handle = ring.next!) this.#unlink(handle);
    }
  }

  #tickNow(): number {
    return Math.floor((this.#now() - this.#startMs) / TICK_MS);
  }

  #unlink(handle: TimerHandle): void {
    handle.previous!.next = handle.next;
    handle.next!.previous = handle.previous;
    handle.previous = handle.next = null;
    this.#waiting--;
  }

  #stop(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
  }
}
