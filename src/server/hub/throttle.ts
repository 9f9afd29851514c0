/**
 * `message_rate` and `message_hwm` (spec 3.6): deliveries wait in a bucket for each route and leave it in turn, so many a
 * second. Off by default. What a full bucket refuses is a verdict of its own: counted, logged, and in the publisher's
 * report.
 */
import type { PublishItem } from "../../grip/publish_item.ts";
import { TICK_MS, type TimerWheel } from "./timer_wheel.ts";

export interface ThrottleOptions {
  /** Deliveries a second, more than 0. */
  readonly rate: number;
  /** Deliveries that a bucket may have waiting; 0 for no limit. */
  readonly highWaterMark: number;
  /** A delivery weighs one for each begun block of this many bytes; undefined weighs all the same. */
  readonly blockBytes?: number;
  readonly timers: TimerWheel;
}

interface Bucket {
  readonly name: string;
  readonly waiting: { readonly weight: number; readonly deliver: () => void }[];
  /** Index of the next one in `waiting`: shifting a long array costs its length. */
  next: number;
}

export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #batch: number;
  /** In the order in which they are served; served ones go to the end. */
  readonly #buckets = new Map<string, Bucket>();
  #allowance: number;
  #ticking = false;

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#batch = options.rate * TICK_MS / 1000;
    this.#allowance = this.#batch;
  }

  /**
   * Delivers now, or when it is the delivery's turn.
   * @returns false where the bucket is at its high-water mark: nothing was kept.
   */
  offer(bucketName: string, bytes: number, deliver: () => void): boolean {
    let bucket = this.#buckets.get(bucketName);
    if (bucket === undefined) {
      this.#buckets.set(bucketName, bucket = { name: bucketName, waiting: [], next: 0 });
    }
    const { highWaterMark, blockBytes } = this.#options;
    if (highWaterMark > 0 && bucket.waiting.length - bucket.next >= highWaterMark) return false;
    bucket.waiting.push({
      weight: blockBytes === undefined ? 1 : Math.max(1, Math.ceil(bytes / blockBytes)),
      deliver,
    });
    this.#serve();
    return true;
  }

  #serve(): void {
    while (this.#allowance > 0) {
      const first = this.#buckets.values().next();
      if (first.done === true) break;
      const bucket = first.value;
      const delivery = bucket.waiting[bucket.next++]!;
      this.#buckets.delete(bucket.name);
      if (bucket.next < bucket.waiting.length) this.#buckets.set(bucket.name, compact(bucket));
      this.#allowance -= delivery.weight;
      delivery.deliver();
    }
    this.#tickLater();
  }

  #tickLater(): void {
    if (this.#ticking || (this.#buckets.size === 0 && this.#allowance >= this.#batch)) return;
    this.#ticking = true;
    this.#options.timers.set(TICK_MS, () => {
      this.#ticking = false;
      // A heavy delivery may have borrowed from the ticks to come.
      this.#allowance = Math.min(this.#batch, this.#allowance + this.#batch);
      this.#serve();
    });
  }
}

function compact(bucket: Bucket): Bucket {
  if (bucket.next < 1024) return bucket;
  return { name: bucket.name, waiting: bucket.waiting.slice(bucket.next), next: 0 };
}

/** The size of an item's content for accounting (spec 9.2), where the publisher named none. */
export function contentBytes(item: PublishItem): number {
  const { "http-response": response, "http-stream": stream, "ws-message": message } = item.formats;
  if (stream?.action === "send") return stream.content.length;
  if (message?.action === "send") return message.content.length;
  return response?.action === "send" && response.body instanceof Uint8Array ? response.body.length : 0;
}
