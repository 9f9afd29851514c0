/** A clock that a test moves, with timers on it. */

export class FakeTimers {
  #nowMs = 0;
  readonly #timers: { readonly due: number; readonly fire: () => void }[] = [];

  readonly now = (): number => this.#nowMs;

  set(delayMs: number, fire: () => void): void {
    this.#timers.push({ due: this.#nowMs + delayMs, fire });
  }

  /** How many are set. */
  get size(): number {
    return this.#timers.length;
  }

  /** Lets time pass; timers fire in order, those that are set meanwhile as well. */
  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (true) {
      const next = this.#timers.reduce((first, timer, i) => timer.due < this.#dueOf(first) ? i : first, -1);
      if (next === -1 || this.#dueOf(next) > untilMs) break;
      const [timer] = this.#timers.splice(next, 1);
      this.#nowMs = timer!.due;
      timer!.fire();
    }
    this.#nowMs = untilMs;
  }

  #dueOf(index: number): number {
    return this.#timers[index]?.due ?? Infinity;
  }
}
