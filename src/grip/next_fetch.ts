/** One question to a next link, asked until it is answered or has failed too often (spec 2.7). */
import type { Header } from "./head.ts";
import type { HeldChannel } from "./held_channel.ts";
import type { NextLink } from "./instruct.ts";
import type { SessionPort } from "./session_port.ts";

/** Times a next link is asked again. */
export const MAX_NEXT_RETRIES = 5;

export class NextFetch {
  readonly uri: string;
  /** As it was when the fetch began: a retry asks the same. */
  readonly #gripLast: readonly Header[];
  readonly #port: SessionPort;
  #failures = 0;

  constructor(port: SessionPort, uri: string, gripLast: readonly Header[]) {
    this.#port = port;
    this.uri = uri;
    this.#gripLast = gripLast;
  }

  ask(): void {
    this.#port.askOrigin({ kind: "next", uri: this.uri, gripLast: this.#gripLast });
  }

  /** False where it has failed often enough; else the port's "retry" timer says when to ask again. */
  askLater(): boolean {
    if (this.#failures >= MAX_NEXT_RETRIES) return false;
    this.#port.setTimer("retry", 1000 * 2 ** this.#failures + this.#port.random(1000));
    this.#failures++;
    return true;
  }
}

/** The shortest time between a next link and the next, for origins that say 0 (the original spins). */
export const NEXT_FLOOR_MS = 500;

/** When a stream that heard nothing asks its next link. */
export class NextClock {
  readonly #port: SessionPort;

  constructor(port: SessionPort) {
    this.#port = port;
  }

  start(link: NextLink | undefined): void {
    if (link === undefined) return this.stop();
    this.#port.setTimer("next", Math.max(link.timeoutSeconds * 1000, NEXT_FLOOR_MS));
  }

  stop(): void {
    this.#port.clearTimer("next");
  }

  /** The timer fired. False where all channels had an item since: the stream is left out once (spec 2.7). */
  due(channels: readonly HeldChannel[]): boolean {
    const lively = channels.length > 0 && channels.every((channel) => channel.active);
    for (const channel of channels) channel.active = false;
    return !lively;
  }
}
