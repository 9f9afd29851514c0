/**
 * How long a target may keep us waiting for its head. fetch has no time limit of its own, neither for connecting nor for
 * the answer, and does not say which of the two it waits for. So whoever is still waiting after a while tries to connect
 * a second time: where that fails too, the target is as good as down and the next one is asked; where it succeeds, the
 * origin is there and merely slow, which is its right unless a limit is set.
 */
import { OriginFailure } from "./origin_failure.ts";

/** Waiting for a head gets a second look after this, and the second connection has as long. */
export const CONNECT_MS = 5000;

export interface Timers<Handle> {
  set(delayMs: number, fire: () => void): Handle;
  clear(handle: Handle): void;
}

export interface PatienceOptions<Handle> {
  readonly timers: Timers<Handle>;
  /** Connects and lets go; rejects where it cannot. */
  readonly probe: () => Promise<void>;
  /** Whether a target that cannot be connected to is worth finding out: where there is another to ask. */
  readonly watchConnect: boolean;
  /** `origin_timeout`; 0 for no limit. */
  readonly headMs: number;
  readonly connectMs?: number;
}

/**
 * Sends by `send` and gives its answer. The signal that `send` gets aborts with `signal`, also while the body comes.
 *
 * @throws {OriginFailure} `timeout`, with `beforeSending` where there was no connection; and what `send` throws.
 */
export async function sendPatiently<Handle>(
  send: (signal: AbortSignal) => Promise<Response>,
  signal: AbortSignal,
  options: PatienceOptions<Handle>,
): Promise<Response> {
  const { timers, headMs, connectMs = CONNECT_MS } = options;
  const controller = new AbortController();
  if (signal.aborted) controller.abort();
  signal.addEventListener("abort", () => controller.abort(), { once: true });
  let late: OriginFailure | undefined;
  const giveUp = (failure: OriginFailure) => {
    late ??= failure;
    controller.abort();
  };
  const handles: Handle[] = [];
  let waiting = true;
  if (headMs > 0) {
    handles.push(timers.set(headMs, () => giveUp(tooLate(`no answer in ${headMs / 1000} s`, false))));
  }
  if (options.watchConnect) {
    handles.push(timers.set(connectMs, () => {
      const unreachable = () => {
        if (waiting) giveUp(tooLate("cannot be connected to in time", true));
      };
      const limit = timers.set(connectMs, unreachable);
      handles.push(limit);
      options.probe().then(() => timers.clear(limit), unreachable);
    }));
  }
  try {
    return await send(controller.signal);
  } catch (thrown) {
    throw late ?? thrown;
  } finally {
    waiting = false;
    for (const handle of handles) timers.clear(handle);
  }
}

function tooLate(what: string, beforeSending: boolean): OriginFailure {
  return new OriginFailure("timeout", `The origin took too long: ${what}`, { beforeSending });
}
