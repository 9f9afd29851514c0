/** Seeded random numbers: a fuzz test that fails prints its seed and fails again with it. */

/** Small, fast and good enough for test inputs (mulberry32); the same seed gives the same sequence everywhere. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number in [0, below), or in [low, below) with two arguments. */
  int(low: number, below?: number): number {
    const [from, to] = below === undefined ? [0, low] : [low, below];
    return from + Math.floor(this.next() * (to - from));
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.int(256);
    return out;
  }

  /** One of the items. @throws {RangeError} for an empty list. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("Cannot pick from an empty list");
    return items[this.int(items.length)]!;
  }

  /** A text of `length` characters taken from `alphabet`. */
  text(length: number, alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"): string {
    let out = "";
    for (let i = 0; i < length; i++) out += alphabet[this.int(alphabet.length)];
    return out;
  }

  /** Cuts `bytes` into pieces of random sizes (at least 1), for feeding incremental parsers. */
  *pieces(bytes: Uint8Array, maxPiece = 16): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + this.int(1, maxPiece + 1));
      yield bytes.subarray(at, end);
      at = end;
    }
  }
}
