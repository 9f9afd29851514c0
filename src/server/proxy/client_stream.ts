/**
 * A response body that is written as things happen, with a bound in bytes: a client that does not read is found out
 * instead of filling the memory.
 */

import { fitTogether, type Gathered, type Gathering, type GatheringStream } from "./gathering.ts";

/** Below this much unread, a body that is passed on may go on. */
const ROOM_BYTES = 65_536;

/** What an ended stream's error says; the runtime hands it to the listener's onError, where it is no news. */
export class StreamCut extends Error {
  override readonly name = "StreamCut";
}

export interface ClientStreamOptions {
  /** Unread bytes at which `write` refuses. */
  readonly maxQueuedBytes: number;
  /** Joins the writes of a turn. */
  readonly gathering: Gathering;
  /** The client left. Not called after `close` or `cut`. */
  readonly onCancel: () => void;
}

/**
 * High-water mark 0: `pull` is then called only when the runtime wants more, and an enqueue into a waiting read costs no
 * size().
 */
const STRATEGY: QueuingStrategy<Uint8Array<ArrayBuffer>> = {
  highWaterMark: 0,
  size: (chunk) => chunk.byteLength,
};

/** Its own underlying source: a held stream weighs four closures less for it. */
export class ClientStream implements UnderlyingDefaultSource<Uint8Array<ArrayBuffer>>, GatheringStream {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #maxQueuedBytes: number;
  readonly #onCancel: () => void;
  readonly #gathering: Gathering;
  /** The turn of the last write. */
  #turn = 0;
  /** What this turn wrote besides its first. */
  #gathered: Gathered | undefined;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #open = true;
  #roomy: (() => void) | undefined;

  constructor(options: ClientStreamOptions) {
    this.#maxQueuedBytes = options.maxQueuedBytes;
    this.#onCancel = options.onCancel;
    this.#gathering = options.gathering;
    // A default stream: a byte stream would take the published bytes away from the other subscribers.
    this.readable = new ReadableStream<Uint8Array<ArrayBuffer>>(this, STRATEGY);
  }

  /** For the runtime. */
  start(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    this.#controller = controller as ReadableStreamDefaultController<Uint8Array>;
  }

  /** For the runtime. */
  pull(): void {
    this.#wake();
  }

  /** For the runtime. */
  cancel(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#wake();
    this.#onCancel();
  }

  /** Bytes the client has not read; what the kernel took does not count. */
  get queuedBytes(): number {
    if (!this.#open) return 0;
    return (this.#gathered?.length ?? 0) - (this.#controller.desiredSize ?? 0);
  }

  /** False where the bound is reached and nothing was taken. The bytes are shared and never changed. */
  write(bytes: Uint8Array): boolean {
    if (!this.#open) return true; // the client left: whoever writes is about to hear of it
    if (this.queuedBytes >= this.#maxQueuedBytes) return false;
    const { turn } = this.#gathering;
    if (this.#turn === turn) this.#gather(bytes);
    else {
      this.#turn = turn;
      this.#controller.enqueue(bytes);
    }
    return true;
  }

  #gather(bytes: Uint8Array): void {
    if (!fitTogether(this.#gathered, bytes)) this.flush();
    if (fitTogether(undefined, bytes)) this.#gathered = this.#gathering.add(this, bytes, this.#gathered);
    else this.#controller.enqueue(bytes);
  }

  /** Sends what was gathered. */
  flush(): void {
    const gathered = this.#gathered;
    if (gathered === undefined) return;
    this.#gathered = undefined;
    if (this.#open) this.#controller.enqueue(gathered.joined);
  }

  /** Settles when the client has read enough for more, or is gone. */
  room(): Promise<void> | undefined {
    if (this.queuedBytes < ROOM_BYTES) return undefined;
    return new Promise((resolve) => this.#roomy = resolve);
  }

  /** Ends the body; what is queued still goes out. */
  close(): void {
    if (!this.#open) return;
    this.flush();
    this.#open = false;
    this.#controller.close();
    this.#wake();
  }

  /** Breaks the body off, so that the client sees that it is not whole. */
  cut(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#controller.error(new StreamCut(reason));
    this.#wake();
  }

  #wake(): void {
    if (this.#roomy === undefined) return;
    const wake = this.#roomy;
    this.#roomy = undefined;
    wake();
  }
}
