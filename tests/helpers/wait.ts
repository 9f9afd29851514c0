/** Waiting for a thing itself instead of sleeping. Every wait has a deadline and says what it waited for. */

/** A wait that took longer than its deadline. */
export class DeadlineError extends Error {
  constructor(what: string, deadlineMs: number) {
    super(`Waited ${deadlineMs} ms for ${what}: it did not happen`);
    this.name = "DeadlineError";
  }
}

/** Generous: the machine that runs the tests is shared; a test that passes never waits for it. */
export const DEFAULT_DEADLINE_MS = 10_000;

/** The promise's outcome, or a DeadlineError naming `what` once `deadlineMs` has passed. Leaves no timer behind. */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  deadlineMs = DEFAULT_DEADLINE_MS,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(what, deadlineMs)), deadlineMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

type Falsy = false | null | undefined | 0 | "";

/** How often `eventually` looks, in milliseconds. */
const POLL_MS = 10;

/**
 * Polls `condition` until it gives something truthy, and returns that.
 *
 * A throw of the condition counts as "not yet"; the last one is the cause of the DeadlineError.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  options: { readonly deadlineMs?: number; readonly what?: string } = {},
): Promise<Exclude<T, Falsy>> {
  const { deadlineMs = DEFAULT_DEADLINE_MS, what = "a condition" } = options;
  const end = performance.now() + deadlineMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value as Exclude<T, Falsy>;
      cause = undefined;
    } catch (e) {
      cause = e;
    }
    if (performance.now() >= end) {
      const error = new DeadlineError(what, deadlineMs);
      error.cause = cause;
      throw error;
    }
    await pause(POLL_MS);
  }
}

/** A plain delay, for scripts whose subject is time itself (conformance steps); tests wait for events instead. */
export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** A promise that somebody opens: holds a scripted origin's next chunk back until the test says so. */
export class Gate {
  readonly opened: Promise<void>;
  readonly open: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.opened = promise;
    this.open = resolve;
  }
}
