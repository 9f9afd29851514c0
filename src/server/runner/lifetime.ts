/** How a process that serves lives between its start and its end: signals in, an exit code out. */
import { describeError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { processSignals, type SignalSource } from "./signals.ts";

export interface LifetimeOptions {
  readonly log: Log;
  /**
   * False for a runner's child, which only the runner hurries, with SIGKILL: a terminal's SIGINT and a service
   * manager's SIGTERM reach the whole group, and come on top of what the runner sends.
   */
  readonly interruptible: boolean;
  /** Settles when whoever started this process is gone: it ends at once. */
  readonly orphaned?: Promise<void>;
  /** SIGTERM, SIGINT: resolves when everything under way has ended; a second signal does not wait for it. */
  readonly drain: () => Promise<void>;
  /** SIGHUP: one at a time. */
  readonly reload: () => Promise<void>;
  /** In tests, in place of the process's signals. */
  readonly signals?: SignalSource;
}

/** @returns the exit code: 0 after a drain, 128 and the signal's number where a second signal cut it, 1 for an orphan. */
export async function untilStopped(options: LifetimeOptions): Promise<number> {
  const { log } = options;
  const source = options.signals ?? processSignals;
  const outcome = Promise.withResolvers<number>();
  let stopping = false;
  let reloading = Promise.resolve();
  const stop = (signal: Deno.Signal, number: number) => {
    if (stopping) {
      if (!options.interruptible) return;
      log.warn("stopping at once", { signal });
      return outcome.resolve(128 + number);
    }
    stopping = true;
    log.info("stopping", { signal });
    options.drain().then(() => outcome.resolve(0), (thrown) => {
      log.error("cannot drain", { reason: describeError(thrown) });
      outcome.resolve(1);
    });
  };
  const stopListening = [
    source.listen("SIGTERM", () => stop("SIGTERM", 15)),
    options.interruptible ? source.listen("SIGINT", () => stop("SIGINT", 2)) : () => {},
    source.listen("SIGHUP", () => {
      if (stopping) return;
      reloading = reloading.then(options.reload).catch((thrown) =>
        log.error("cannot reload", { reason: describeError(thrown) })
      );
    }),
  ];
  void options.orphaned?.then(() => {
    log.error("the runner is gone");
    outcome.resolve(1);
  });
  try {
    const code = await outcome.promise;
    await reloading;
    return code;
  } finally {
    for (const stop of stopListening) stop();
  }
}
