/**
 * A Deno.serve that stands. The runtime gives its listener up for good when accepting fails once, as it does when the
 * process has no descriptor left; connections that are open go on, but nobody new gets in, and the process looks alive.
 * So whoever serves is watched, and where it ends without being told to, it is opened again.
 */
import { describeError } from "../../errors.ts";
import type { Log } from "../../log.ts";

/** The part of Deno.HttpServer that is needed. */
export interface Served {
  readonly addr: Deno.Addr;
  readonly finished: Promise<void>;
  shutdown(): Promise<void>;
}

export interface StandingServerOptions {
  /** Listens; `before` is the address of the one that ended, for a port that the system chose. */
  readonly open: (signal: AbortSignal, before: Deno.Addr | undefined) => Served;
  readonly log: Log;
  /** In log lines: what is listened on. */
  readonly where: string;
}

/** Between two attempts to listen again: from the first to the second. */
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1000;
/** Ends that follow each other within this time are one event in the log. */
const QUIET_MS = 10_000;

export class StandingServer implements AsyncDisposable {
  readonly #options: StandingServerOptions;
  readonly #done = Promise.withResolvers<void>();
  #current: { readonly served: Served; readonly stop: AbortController } | undefined;
  #address: Deno.Addr;
  #stopping = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #delayMs = RETRY_MIN_MS;
  #toldMs = -Infinity;

  /** @throws what the first `open` throws. */
  constructor(options: StandingServerOptions) {
    this.#options = options;
    this.#address = this.#open(undefined);
  }

  get addr(): Deno.Addr {
    return this.#address;
  }

  /** Settles once it has ended because it was told to. */
  get finished(): Promise<void> {
    return this.#done.promise;
  }

  /** Stops accepting, closes idle connections, waits for the answers under way. */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    const current = this.#current;
    if (current === undefined) this.#finish();
    else await current.served.shutdown();
    await this.finished;
  }

  /** Cuts every connection at once. */
  abort(): void {
    this.#stopping = true;
    const current = this.#current;
    if (current === undefined) this.#finish();
    else current.stop.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort();
    await this.finished;
  }

  #open(before: Deno.Addr | undefined): Deno.Addr {
    const stop = new AbortController();
    const served = this.#options.open(stop.signal, before);
    this.#current = { served, stop };
    const openedMs = performance.now();
    served.finished.then(() => this.#ended(undefined, openedMs), (thrown) => this.#ended(thrown, openedMs));
    return served.addr;
  }

  #ended(thrown: unknown, openedMs: number): void {
    // From now on aborting it would throw inside the runtime, where nobody can catch it.
    this.#current = undefined;
    if (this.#stopping) return this.#finish();
    const nowMs = performance.now();
    if (nowMs - openedMs > QUIET_MS) this.#delayMs = RETRY_MIN_MS;
    this.#tell("listener ended, opening it again", thrown ?? "the runtime gave no reason");
    this.#retryLater();
  }

  #retryLater(): void {
    this.#retry = setTimeout(() => {
      try {
        this.#address = this.#open(this.#address);
      } catch (thrown) {
        this.#tell("cannot listen again, trying on", thrown);
        this.#retryLater();
      }
    }, this.#delayMs);
    this.#delayMs = Math.min(RETRY_MAX_MS, this.#delayMs * 2);
  }

  #tell(message: string, thrown: unknown): void {
    const nowMs = performance.now();
    const level = nowMs - this.#toldMs > QUIET_MS ? "error" : "debug";
    if (level === "error") this.#toldMs = nowMs;
    const reason = describeError(thrown);
    const hint = /too many open files/i.test(reason)
      ? "raise the limit of descriptors (ulimit -n)"
      : undefined;
    this.#options.log[level](message, { address: this.#options.where, reason, hint });
  }

  #finish(): void {
    clearTimeout(this.#retry);
    this.#done.resolve();
  }
}
