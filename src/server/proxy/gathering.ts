/**
 * What one client gets in one turn of the event loop leaves in two writes at most: the first at once, all others
 * together when the turn ends. In a burst most of the cost of a delivery is that of its write.
 */
import { setImmediate } from "node:timers";

/** Larger writes are not worth a copy. */
const MAX_JOINED_BYTES = 65_536;

/** A client's stream, as far as this goes. */
export interface GatheringStream {
  /** The turn ends. */
  flush(): void;
}

/**
 * Writes in a row, as the last step of a path. Clients that get the same items walk the same path, so that its bytes
 * are joined once for all of them.
 */
export class Gathered {
  readonly #bytes: Uint8Array;
  readonly #before: Gathered | undefined;
  readonly #steps: number;
  /** Of all steps. */
  readonly length: number;
  #next: Gathered | undefined;
  #joined: Uint8Array | undefined;

  constructor(bytes: Uint8Array, before?: Gathered) {
    this.#bytes = bytes;
    this.#before = before;
    this.#steps = before === undefined ? 0 : before.#steps + 1;
    this.length = (before?.length ?? 0) + bytes.length;
  }

  /** One write more. */
  then(bytes: Uint8Array): Gathered {
    if (this.#next === undefined || this.#next.#bytes !== bytes) this.#next = new Gathered(bytes, this);
    return this.#next;
  }

  /** All of them, never changed. */
  get joined(): Uint8Array {
    return this.#joined ??= this.#steps === 1 ? this.#bytes : this.#join();
  }

  #join(): Uint8Array {
    const joined = new Uint8Array(this.length);
    for (let step: Gathered | undefined = this as Gathered; step !== undefined; step = step.#before) {
      joined.set(step.#bytes, step.length - step.#bytes.length);
    }
    return joined;
  }
}

/** Calls once when this turn of the event loop ends. */
export type AtTurnEnd = (act: () => void) => void;

/** The turns of a process. */
export class Gathering {
  readonly #atTurnEnd: AtTurnEnd;
  #turn = 0;
  #running = false;
  #streams: GatheringStream[] = [];
  #root = new Gathered(new Uint8Array(0));

  constructor(atTurnEnd: AtTurnEnd = setImmediate) {
    this.#atTurnEnd = atTurnEnd;
  }

  /** The number of this turn; 1 or more. */
  get turn(): number {
    if (!this.#running) {
      this.#running = true;
      this.#turn++;
      this.#atTurnEnd(() => this.#end());
    }
    return this.#turn;
  }

  /** Adds a write to those of a stream that has written in this turn. */
  add(stream: GatheringStream, bytes: Uint8Array, before: Gathered | undefined): Gathered {
    if (before === undefined) this.#streams.push(stream);
    return (before ?? this.#root).then(bytes);
  }

  #end(): void {
    this.#running = false;
    const streams = this.#streams;
    this.#streams = [];
    this.#root = new Gathered(new Uint8Array(0));
    for (const stream of streams) stream.flush();
  }
}

/** Whether both fit into one write that is worth it. */
export function fitTogether(before: Gathered | undefined, bytes: Uint8Array): boolean {
  return (before?.length ?? 0) + bytes.length <= MAX_JOINED_BYTES;
}
