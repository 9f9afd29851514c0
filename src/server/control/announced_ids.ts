/**
 * What the proxies that outlived a handler saw last, told to its successor: clients that are held now are compared with it
 * (spec 4.4). The order of items starts afresh: who publishes again what was never acknowledged, or goes on after what got
 * lost, is not made to wait for a predecessor that has passed, or will never come.
 */
export class AnnouncedIds {
  readonly #ids = new Map<string, string>();

  get(channel: string): string | undefined {
    return this.#ids.get(channel);
  }

  /** False where proxies do not agree: some of them lack items, and no id tells which; it counts as unknown from then on. */
  hear(channel: string, id: string | undefined): boolean {
    if (id === undefined) return true;
    const known = this.#ids.get(channel);
    if (known === undefined) this.#ids.set(channel, id);
    else if (known !== id) this.#ids.delete(channel);
    return known === undefined || known === id;
  }

  /** An item has passed, or nobody listens any more. */
  forget(channel: string): void {
    this.#ids.delete(channel);
  }

  forgetAll(): void {
    this.#ids.clear();
  }
}
