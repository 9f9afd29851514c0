/**
 * What ready peers have sent, taken in turns (fair queueing): one message of each peer that has any, then the next
 * round. Each peer's lane has a bound; a full lane stops the reading of its own connection and of no other.
 */
import { Fifo } from "./fifo.ts";

export interface LaneBounds {
  readonly messages: number;
  readonly bytes: number;
}

interface Entry<T> {
  readonly item: T;
  readonly bytes: number;
}

class Lane<T> {
  readonly queue = new Fifo<Entry<T>>();
  bytes = 0;
  room: (() => void) | undefined;
}

export class Inbox<K, T> {
  readonly #bounds: LaneBounds;
  readonly #lanes = new Map<K, Lane<T>>();
  /** Lanes with something in them, next first. */
  readonly #turns = new Fifo<Lane<T>>();
  #waiting: (() => void)[] = [];
  #count = 0;
  #closed = false;

  constructor(bounds: LaneBounds) {
    this.#bounds = bounds;
  }

  /** Messages waiting in all lanes. */
  get length(): number {
    return this.#count;
  }

  /** Puts an item into a lane; the promise, where there is one, settles when the lane is down to half: wait for it. */
  put(key: K, item: T, bytes: number): Promise<void> | undefined {
    if (this.#closed) return undefined;
    let lane = this.#lanes.get(key);
    if (lane === undefined) this.#lanes.set(key, lane = new Lane());
    if (lane.queue.length === 0) this.#turns.push(lane);
    lane.queue.push({ item, bytes });
    lane.bytes += bytes;
    this.#count++;
    if (this.#waiting.length > 0) this.#wake();
    if (lane.queue.length < this.#bounds.messages && lane.bytes < this.#bounds.bytes) return undefined;
    const full = lane;
    return new Promise((resolve) => full.room = resolve);
  }

  /** Forgets a peer. What it sent stays and is delivered; its reader, if it waits, goes on. */
  leave(key: K): void {
    this.#lanes.get(key)?.room?.();
    this.#lanes.delete(key);
  }

  /**
   * Up to `max` items, as soon as there is one; undefined when closed and empty. Several callers may wait: each item
   * goes to one.
   */
  async take(max: number): Promise<T[] | undefined> {
    while (this.#count === 0) {
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const taken: T[] = [];
    while (taken.length < max && this.#count > 0) taken.push(this.#next());
    return taken;
  }

  /** Takes nothing more in and wakes everybody; what is there can still be taken. */
  close(): void {
    this.#closed = true;
    for (const lane of this.#lanes.values()) lane.room?.();
    this.#lanes.clear();
    this.#wake();
  }

  #next(): T {
    const lane = this.#turns.shift() as Lane<T>;
    const { item, bytes } = lane.queue.shift() as Entry<T>;
    lane.bytes -= bytes;
    this.#count--;
    if (lane.queue.length > 0) this.#turns.push(lane);
    if (
      lane.room !== undefined && lane.queue.length * 2 <= this.#bounds.messages &&
      lane.bytes * 2 <= this.#bounds.bytes
    ) {
      lane.room();
      lane.room = undefined;
    }
    return item;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** The bytes of a message's parts, with a little for each part so that empty ones count too. */
export function weightOf(message: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of message) bytes += part.length + 32;
  return bytes;
}
