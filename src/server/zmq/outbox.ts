/**
 * What waits to be written to one connection. Messages go out in order and many in one write: while one write is under
 * way the rest collects. Frames that are no messages (commands, subscriptions) do not count towards the high-water mark
 * but have a bound of their own, past which the connection is given up rather than the memory.
 */
import { Fifo } from "./fifo.ts";

/** What one write carries at most, unless a single message is bigger. */
const WRITE_BYTES = 64 * 1024;

interface Waiting {
  readonly frames: Uint8Array;
  readonly isMessage: boolean;
}

export interface OutboxBounds {
  readonly messages: number;
  readonly bytes: number;
  readonly controlBytes: number;
}

export class Outbox {
  readonly #conn: Deno.Conn;
  readonly #bounds: OutboxBounds;
  readonly #onFailed: (thrown: unknown) => void;
  readonly #onRoom: () => void;
  readonly #queue = new Fifo<Waiting>();
  #messages = 0;
  #messageBytes = 0;
  #controlBytes = 0;
  #writing: Promise<void> | undefined;
  #wasFull = false;
  #stopped = false;
  #scratch: Uint8Array | undefined;

  /** `onRoom` is called when a full outbox has come down to half; `onFailed` once, when a write failed. */
  constructor(
    conn: Deno.Conn,
    bounds: OutboxBounds,
    on: { failed: (thrown: unknown) => void; room: () => void },
  ) {
    this.#conn = conn;
    this.#bounds = bounds;
    this.#onFailed = on.failed;
    this.#onRoom = on.room;
  }

  /** True at the high-water mark. Asking notes the wish for room. */
  get full(): boolean {
    const full = this.#messages >= this.#bounds.messages || this.#messageBytes >= this.#bounds.bytes;
    if (full) this.#wasFull = true;
    return full;
  }

  /** Messages not yet handed to the system. */
  get messages(): number {
    return this.#messages;
  }

  /** Takes a message's frames; the caller has asked {@link full}. */
  message(frames: Uint8Array): void {
    this.#messages++;
    this.#messageBytes += frames.length;
    this.#add({ frames, isMessage: true });
  }

  /** Takes a command. False past its bound: the peer does not read and the connection should end. */
  control(frames: Uint8Array): boolean {
    if (this.#controlBytes + frames.length > this.#bounds.controlBytes) return false;
    this.#controlBytes += frames.length;
    this.#add({ frames, isMessage: false });
    return true;
  }

  /** Settles when everything taken so far is written or the writing has failed or been stopped; never rejects. */
  async flushed(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Writes no more, and returns the messages of which nothing has been written. */
  stop(): Uint8Array[] {
    this.#stopped = true;
    const unsent = this.#queue.drain().filter((item) => item.isMessage).map((item) => item.frames);
    this.#messages = 0;
    this.#messageBytes = 0;
    return unsent;
  }

  #add(item: Waiting): void {
    if (this.#stopped) return;
    this.#queue.push(item);
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    // One turn of the microtask queue: a burst of sends becomes one write.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0) {
        const bytes = this.#nextWrite();
        for (let at = 0; at < bytes.length;) {
          at += await this.#conn.write(at === 0 ? bytes : bytes.subarray(at));
        }
        if (
          this.#wasFull && this.#messages * 2 <= this.#bounds.messages &&
          this.#messageBytes * 2 <= this.#bounds.bytes
        ) {
          this.#wasFull = false;
          this.#onRoom();
        }
      }
    } catch (thrown) {
      if (!this.#stopped) this.#onFailed(thrown);
    } finally {
      this.#writing = undefined;
    }
  }

  #nextWrite(): Uint8Array {
    const first = this.#take();
    const second = this.#queue.peek();
    if (second === undefined || first.length + second.frames.length > WRITE_BYTES) return first;
    const scratch = this.#scratch ??= new Uint8Array(WRITE_BYTES);
    scratch.set(first);
    let at = first.length;
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      if (at + next.frames.length > WRITE_BYTES) break;
      scratch.set(this.#take(), at);
      at += next.frames.length;
    }
    return scratch.subarray(0, at);
  }

  #take(): Uint8Array {
    const { frames, isMessage } = this.#queue.shift() as Waiting;
    if (isMessage) {
      this.#messages--;
      this.#messageBytes -= frames.length;
    } else {
      this.#controlBytes -= frames.length;
    }
    return frames;
  }
}
