/** Questions to all proxies about which connections are theirs (spec 3.5), until each has answered or is gone. */
import type { TimerWheel } from "../hub/timer_wheel.ts";

/** How long a proxy may take to answer. */
const DEADLINE_MS = 2000;

interface Asked {
  readonly waiting: Set<object>;
  readonly found: string[];
  readonly done: () => void;
}

export class Connchecks {
  readonly #asked = new Map<number, Asked>();
  readonly #timers: TimerWheel;

  constructor(timers: TimerWheel) {
    this.#timers = timers;
  }

  /** What the proxies answer to `ask`, together. */
  expect(ask: number, proxies: Iterable<object>): Promise<readonly string[]> {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const found: string[] = [];
    const deadline = this.#timers.set(DEADLINE_MS, () => done());
    const done = () => {
      this.#timers.clear(deadline);
      this.#asked.delete(ask);
      resolve(found);
    };
    this.#asked.set(ask, { waiting: new Set(proxies), found, done });
    return promise;
  }

  answer(ask: number, proxy: object, ids: readonly string[]): void {
    const asked = this.#asked.get(ask);
    if (asked === undefined || !asked.waiting.delete(proxy)) return;
    asked.found.push(...ids);
    if (asked.waiting.size === 0) asked.done();
  }

  gone(proxy: object): void {
    for (const ask of [...this.#asked.keys()]) this.answer(ask, proxy, []);
  }
}
