/**
 * Puts a channel's items into the order that their ids and prev-ids tell (spec 4.3). It stores no history: a last id for
 * each channel, and for a while the items whose predecessor has not come yet. Time is an argument; whoever owns the
 * sequencer asks it now and then what has waited long enough.
 */
import type { PublishItem } from "./publish_item.ts";

export interface SequencerOptions {
  /** How long an item waits for its predecessor (`message_wait`). */
  readonly waitMs: number;
  /** Items waiting in one channel, default 100; one more is dropped. */
  readonly maxParked?: number;
  /** Channels whose last id is known, default 1 000 000; the one unused longest is forgotten. */
  readonly maxChannels?: number;
}

export type Sequenced =
  /** In this order; the pushed item is the first. */
  | { readonly verdict: "released"; readonly released: readonly PublishItem[] }
  /** Goes out with its predecessor, or by `expire`. */
  | { readonly verdict: "parked" }
  /** `same-prev-id`: another item waits for the same predecessor. `parked-full`: too many wait already. */
  | { readonly verdict: "dropped"; readonly reason: "same-prev-id" | "parked-full" };

interface Parked {
  readonly item: PublishItem;
  readonly prevId: string;
  readonly dueMs: number;
}

const PARKED: Sequenced = { verdict: "parked" };
const SAME_PREV_ID: Sequenced = { verdict: "dropped", reason: "same-prev-id" };
const PARKED_FULL: Sequenced = { verdict: "dropped", reason: "parked-full" };

export class Sequencer {
  #waitMs: number;
  readonly #maxParked: number;
  readonly #maxChannels: number;
  /** In order of use, the longest unused first. */
  readonly #lastIds = new Map<string, string>();
  /** By channel, then by prev-id. */
  readonly #parked = new Map<string, Map<string, Parked>>();
  /** Everything parked, the longest waiting first: all wait equally long. */
  readonly #waiting = new Set<Parked>();

  constructor(options: SequencerOptions) {
    this.#waitMs = options.waitMs;
    this.#maxParked = options.maxParked ?? 100;
    this.#maxChannels = options.maxChannels ?? 1_000_000;
  }

  /** Changes it for what is parked from now on. */
  set waitMs(value: number) {
    this.#waitMs = value;
  }

  /** Items that wait, in all channels. */
  get parkedCount(): number {
    return this.#waiting.size;
  }

  /** When `expire` has something to give; undefined while nothing waits. */
  get nextExpiryMs(): number | undefined {
    for (const parked of this.#waiting) return parked.dueMs;
    return undefined;
  }

  /** `wanted`: somebody subscribes to the channel; without that, and with no-seq, an item just passes. */
  push(item: PublishItem, nowMs: number, wanted: boolean): Sequenced {
    if (item.noSeq || !wanted) return { verdict: "released", released: [item] };
    const lastId = this.#lastIds.get(item.channel);
    if (lastId === undefined || item.prevId === undefined || item.prevId === lastId) {
      const released: PublishItem[] = [];
      this.#release(item, released);
      return { verdict: "released", released };
    }
    return this.#park(item, item.prevId, nowMs);
  }

  /**
   * What has waited `waitMs` goes out although its predecessor never came, and what follows it with it. Where its
   * predecessor waits as well, for one of its own, that one goes first: late is better than turned round.
   */
  expire(nowMs: number): readonly PublishItem[] {
    const released: PublishItem[] = [];
    for (const parked of this.#waiting) {
      if (parked.dueMs > nowMs) break;
      const first = this.#firstOfChain(parked);
      this.#unpark(first);
      this.#release(first.item, released);
    }
    return released;
  }

  lastId(channel: string): string | undefined {
    return this.#lastIds.get(channel);
  }

  /** The channel's next item passes whatever its prev-id (spec 4.4). What is parked stays so. */
  forget(channel: string): void {
    this.#lastIds.delete(channel);
  }

  forgetAll(): void {
    this.#lastIds.clear();
  }

  /** The last subscriber has left: nothing is kept. Returns how many items waited. */
  clear(channel: string): number {
    this.#lastIds.delete(channel);
    const parked = this.#parked.get(channel);
    if (parked === undefined) return 0;
    for (const entry of parked.values()) this.#waiting.delete(entry);
    this.#parked.delete(channel);
    return parked.size;
  }

  #park(item: PublishItem, prevId: string, nowMs: number): Sequenced {
    let parked = this.#parked.get(item.channel);
    if (parked === undefined) this.#parked.set(item.channel, parked = new Map());
    if (parked.has(prevId)) return SAME_PREV_ID;
    if (parked.size >= this.#maxParked) return PARKED_FULL;
    const entry = { item, prevId, dueMs: nowMs + this.#waitMs };
    parked.set(prevId, entry);
    this.#waiting.add(entry);
    return PARKED;
  }

  #unpark(entry: Parked): void {
    this.#waiting.delete(entry);
    const parked = this.#parked.get(entry.item.channel);
    parked?.delete(entry.prevId);
    if (parked?.size === 0) this.#parked.delete(entry.item.channel);
  }

  #release(item: PublishItem, released: PublishItem[]): void {
    for (let next: PublishItem | undefined = item; next !== undefined;) {
      released.push(next);
      if (next.id === undefined) {
        this.#lastIds.delete(next.channel);
        return;
      }
      this.#learn(next.channel, next.id);
      const successor: Parked | undefined = this.#parked.get(next.channel)?.get(next.id);
      if (successor !== undefined) this.#unpark(successor);
      next = successor?.item;
    }
  }

  #firstOfChain(entry: Parked): Parked {
    const parked = this.#parked.get(entry.item.channel);
    if (parked === undefined || parked.size === 1) return entry;
    const byId = new Map([...parked.values()].map((one) => [one.item.id, one]));
    let first = entry;
    // Ids are only strings: two that name each other would lead in a circle.
    for (let steps = parked.size; steps > 0; steps--) {
      const before = byId.get(first.prevId);
      if (before === undefined) return first;
      first = before;
    }
    return entry;
  }

  #learn(channel: string, id: string): void {
    this.#lastIds.delete(channel);
    this.#lastIds.set(channel, id);
    if (this.#lastIds.size <= this.#maxChannels) return;
    for (const oldest of this.#lastIds.keys()) {
      this.#lastIds.delete(oldest);
      return;
    }
  }
}
