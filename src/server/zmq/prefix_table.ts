/**
 * Who wants which topics, where a topic is wanted by its prefix (ZeroMQ's only way to subscribe). Exact channels are
 * the common case, so it is a hash by prefix, asked once for each different length there is: a trie of bytes costs more
 * and says no more.
 */
export class PrefixTable<V> {
  readonly #values = new Map<string, Set<V>>();
  /** How many prefixes have this length. */
  readonly #lengths = new Map<number, number>();

  /** How many different prefixes are wanted. */
  get size(): number {
    return this.#values.size;
  }

  prefixes(): Iterable<string> {
    return this.#values.keys();
  }

  /** True where nobody wanted this prefix before. */
  add(prefix: string, value: V): boolean {
    const there = this.#values.get(prefix);
    if (there !== undefined) {
      there.add(value);
      return false;
    }
    this.#values.set(prefix, new Set([value]));
    this.#lengths.set(prefix.length, (this.#lengths.get(prefix.length) ?? 0) + 1);
    return true;
  }

  /** True where nobody wants this prefix any more, and somebody did. */
  remove(prefix: string, value: V): boolean {
    const there = this.#values.get(prefix);
    if (there === undefined || !there.delete(value) || there.size > 0) return false;
    this.#values.delete(prefix);
    const left = (this.#lengths.get(prefix.length) ?? 1) - 1;
    if (left === 0) this.#lengths.delete(prefix.length);
    else this.#lengths.set(prefix.length, left);
    return true;
  }

  /** True where any prefix of `topic` is wanted. */
  matches(topic: string): boolean {
    for (const length of this.#lengths.keys()) {
      if (length <= topic.length && this.#values.has(topic.slice(0, length))) return true;
    }
    return false;
  }

  /** Everybody who wants a prefix of `topic`, once each. */
  wanting(topic: string): ReadonlySet<V> {
    let found: Set<V> | undefined;
    let shared = true;
    for (const length of this.#lengths.keys()) {
      const values = length <= topic.length ? this.#values.get(topic.slice(0, length)) : undefined;
      if (values === undefined) continue;
      if (found === undefined) found = values;
      else {
        if (shared) found = new Set(found);
        shared = false;
        for (const value of values) found.add(value);
      }
    }
    return found ?? new Set();
  }
}

/** A topic's bytes as a key: one character a byte. */
export function topicKey(topic: Uint8Array): string {
  let key = "";
  for (let i = 0; i < topic.length; i += 4096) key += String.fromCharCode(...topic.subarray(i, i + 4096));
  return key;
}

/** The bytes of a key. */
export function topicBytes(key: string): Uint8Array {
  const topic = new Uint8Array(key.length);
  for (let i = 0; i < key.length; i++) topic[i] = key.charCodeAt(i);
  return topic;
}
