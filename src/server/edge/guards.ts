/** What keeps the runtime from ending or misleading the whole process. Called once, first, by whoever starts it. */
import { describeError } from "../../errors.ts";
import type { Log } from "../../log.ts";

/** Stops guarding; for tests. */
export interface Guard extends Disposable {}

/**
 * Keeps the process alive when a promise is rejected with nobody to see it or a timer throws: one request's failure
 * must end that one and no other. Each is an error in the log: it is a defect of ours.
 */
export function guardProcess(log: Log): Guard {
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    log.error("Unhandled rejection", { error: describeError(event.reason), at: firstFrame(event.reason) });
  };
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    log.error("Uncaught error", { error: describeError(event.error), at: firstFrame(event.error) });
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener("unhandledrejection", onRejection);
      globalThis.removeEventListener("error", onError);
    },
  };
}

function firstFrame(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  return thrown.stack?.split("\n").find((line) => /^\s+at /.test(line))?.trim();
}

/**
 * The runtime obeys these where it should obey our settings: the first would move our first listener elsewhere, the
 * others would send requests for origins through a proxy, those for 127.0.0.1 included.
 */
const MISLEADING = [
  "DENO_SERVE_ADDRESS",
  "DENO_SERVE_AUTOMATIC_COMPRESSION",
  "HTTP_PROXY",
  "http_proxy",
  "HTTPS_PROXY",
  "https_proxy",
  "ALL_PROXY",
  "all_proxy",
];

/** Takes the variables out that would redirect listeners or origin requests. Before the first listener and fetch. */
export function scrubEnvironment(): readonly string[] {
  const found = MISLEADING.filter((name) => Deno.env.has(name));
  for (const name of found) Deno.env.delete(name);
  return found;
}
