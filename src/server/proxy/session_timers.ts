/** A session's few timers, on the hub's one wheel. */
import type { HoldTimer } from "../../grip/session_port.ts";
import type { TimerHandle, TimerWheel } from "../hub/timer_wheel.ts";

export class SessionTimers {
  readonly #wheel: TimerWheel;
  readonly #fire: (timer: HoldTimer) => void;
  /** Kept when they have fired, to be set again without a new one. */
  readonly #handles: { [timer in HoldTimer]?: TimerHandle } = {};

  constructor(wheel: TimerWheel, fire: (timer: HoldTimer) => void) {
    this.#wheel = wheel;
    this.#fire = fire;
  }

  set(timer: HoldTimer, delayMs: number): void {
    const handle = this.#handles[timer];
    if (handle !== undefined) this.#wheel.move(handle, delayMs);
    else this.#handles[timer] = this.#wheel.set(delayMs, () => this.#fire(timer));
  }

  clear(timer: HoldTimer): void {
    const handle = this.#handles[timer];
    if (handle !== undefined) this.#wheel.clear(handle);
  }
}
