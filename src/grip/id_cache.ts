/** Which items have been seen: the same id on the same channel is the same item (spec 4.2). */

export interface IdCacheOptions {
  /** How long an id counts as seen; repeats do not prolong it. 0 switches de-duplication off. */
  readonly ttlMs: number;
  /** Ids remembered at most, default 1 000 000; the oldest is forgotten early. */
  readonly maxIds?: number;
}

export class IdCache {
  #ttlMs: number;
  readonly #maxIds: number;
  /** When each was first seen; insertion order is order of time, so the expired ones stand in front. */
  readonly #seenAtMs = new Map<string, number>();

  constructor(options: IdCacheOptions) {
    this.#ttlMs = options.ttlMs;
    this.#maxIds = options.maxIds ?? 1_000_000;
  }

  /** Changes it for every id, those seen before included. */
  set ttlMs(value: number) {
    this.#ttlMs = value;
  }

  get size(): number {
    return this.#seenAtMs.size;
  }

  /** True where the id was seen within the ttl; else it is from now on. Every call forgets what has expired. */
  seen(channel: string, id: string, nowMs: number): boolean {
    if (this.#ttlMs <= 0) return false;
    for (const [key, atMs] of this.#seenAtMs) {
      if (nowMs - atMs < this.#ttlMs && this.#seenAtMs.size < this.#maxIds) break;
      this.#seenAtMs.delete(key);
    }
    // The length keeps ("ab", "c") and ("a", "bc") apart whatever the strings contain.
    const key = `${channel.length}:${channel}${id}`;
    if (this.#seenAtMs.has(key)) return true;
    this.#seenAtMs.set(key, nowMs);
    return false;
  }
}
