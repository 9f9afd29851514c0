/**
 * Gives memory back to the system: what holds that have ended had, and what opening others took in passing. The runtime's
 * allocator (glibc) would keep it for good: after 10 000 streams, half a gigabyte.
 */
import { describeError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { TimerHandle, TimerWheel } from "../hub/timer_wheel.ts";

/** Fewer holds more or less are not worth the stop of some milliseconds. */
const WORTH_HOLDS = 1000;
/** By then V8 has given back its own part, and clients that were all answered at once have come back. */
const CALM_MS = 30_000;

export interface MemoryReturnOptions {
  readonly timers: TimerWheel;
  readonly log: Log;
  /** Returns what the allocator can spare; tests bring their own. */
  readonly trim?: () => void;
}

export class MemoryReturn {
  readonly #timers: TimerWheel;
  readonly #log: Log;
  readonly #trim: () => void;
  #holds = 0;
  /** When memory was last returned, and the most since then. */
  #before = 0;
  #most = 0;
  #waiting: TimerHandle | undefined;

  constructor({ timers, log, trim = trimAllocator }: MemoryReturnOptions) {
    this.#timers = timers;
    this.#log = log;
    this.#trim = trim;
  }

  /** To be told after every start and end of a hold. */
  counted(holds: number): void {
    this.#holds = holds;
    if (holds > this.#most) this.#most = holds;
    if (this.#waiting === undefined && this.#worth) {
      this.#waiting = this.#timers.set(CALM_MS, () => this.#due());
    }
  }

  get #worth(): boolean {
    return this.#most - this.#holds >= WORTH_HOLDS || this.#holds - this.#before >= WORTH_HOLDS;
  }

  #due(): void {
    this.#waiting = undefined;
    if (!this.#worth) return; // they came back
    this.#before = this.#most = this.#holds;
    const start = performance.now();
    try {
      this.#trim();
      this.#log.debug("memory returned", { holds: this.#holds, ms: Math.round(performance.now() - start) });
    } catch (error) {
      this.#log.debug("memory not returned", { reason: describeError(error) });
    }
  }
}

/** malloc_trim(3): whole free pages anywhere in the heap, 1 ms for 20 MB. Other allocators than glibc's do it by themselves. */
function trimAllocator(): void {
  if (Deno.build.os !== "linux") return;
  // Asked first, as opening a library without the permission would ask whoever sits at the terminal.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    throw new Error("--allow-ffi is missing");
  }
  const libc = Deno.dlopen("libc.so.6", { malloc_trim: { parameters: ["usize"], result: "i32" } });
  try {
    libc.symbols.malloc_trim(0n);
  } finally {
    libc.close();
  }
}
