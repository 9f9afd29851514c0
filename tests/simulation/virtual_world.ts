/**
 * Time and chance under control: a clock that moves from event to event, and one seed for everything random. While a world
 * is entered, the runtime's clock, interval timers and Math.random are its own, so that the real program runs inside it.
 */
import { Random } from "../helpers/random.ts";

/** How often the program's interval timers are looked at; the timer wheel makes up for coarse ticks. */
const TICK_MS = 250;
/** Turns of the microtask queue after each event: enough for a chain of awaits to come to rest. */
const TURNS = 16;

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class World {
  readonly random: Random;
  readonly #heap: Event[] = [];
  readonly #intervals = new Map<number, () => void>();
  #nowMs = 0;
  #order = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Calls `run` later; events of one time run in the order in which they were made. */
  after(delayMs: number, run: () => void): void {
    push(this.#heap, { atMs: this.#nowMs + delayMs, order: this.#order++, run });
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Between `low` and `high` milliseconds. */
  between(low: number, high: number): number {
    return this.random.int(low, high + 1);
  }

  /** Runs everything up to a time. @throws what `check` throws, after each event */
  async run(untilMs: number, check: () => void): Promise<void> {
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= untilMs) {
      const event = pop(this.#heap);
      this.#nowMs = event.atMs;
      event.run();
      for (let turn = 0; turn < TURNS; turn++) await null;
      check();
    }
    this.#nowMs = untilMs;
  }

  /** Takes the globals over; dispose gives them back. */
  enter(): Disposable {
    const { setInterval, clearInterval } = globalThis;
    const performanceNow = performance.now;
    const mathRandom = Math.random;
    let ids = 0;
    performance.now = () => this.#nowMs;
    Math.random = () => this.random.next();
    const fakeSet = (run: () => void) => {
      this.#intervals.set(++ids, run);
      return ids;
    };
    globalThis.setInterval = fakeSet as unknown as typeof setInterval;
    globalThis.clearInterval =
      ((id: number) => this.#intervals.delete(id)) as unknown as typeof clearInterval;
    const tick = () => {
      for (const run of [...this.#intervals.values()]) run();
      this.after(TICK_MS, tick);
    };
    this.after(TICK_MS, tick);
    return {
      [Symbol.dispose]() {
        Object.assign(globalThis, { setInterval, clearInterval });
        performance.now = performanceNow;
        Math.random = mathRandom;
      },
    };
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(heap[at]!, heap[parent]!)) return;
    [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
    at = parent;
  }
}

function pop(heap: Event[]): Event {
  const first = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return first;
  heap[0] = last;
  for (let at = 0;;) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
    }
    if (least === at) return first;
    [heap[at], heap[least]] = [heap[least]!, heap[at]!];
    at = least;
  }
}
