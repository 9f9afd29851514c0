/** Items of a stream that wait while its origin is asked (spec 2.7). */
import type { HeldChannel } from "./held_channel.ts";
import type { PublishItem } from "./publish_item.ts";

/** One more is not delivered, and counted. */
export const MAX_QUEUED_ITEMS = 100;

export interface QueuedItem {
  readonly channel: HeldChannel;
  readonly item: PublishItem;
}

export class ItemQueue {
  #items: QueuedItem[] = [];

  /** False where the queue is full and the item was not taken. */
  push(channel: HeldChannel, item: PublishItem): boolean {
    if (this.#items.length >= MAX_QUEUED_ITEMS) return false;
    this.#items.push({ channel, item });
    return true;
  }

  clear(): void {
    this.#items = [];
  }

  /**
   * Empties the queue and gives what the origin's answer does not contain already: nothing of channels that were left,
   * and of each channel that is followed by ids nothing before the first item that fits. By channel, where the original
   * goes by the queue's head alone: one channel's old items say nothing of another's.
   */
  *takeFresh(channels: readonly HeldChannel[]): Generator<QueuedItem> {
    const items = this.#items;
    this.#items = [];
    const fitted = new Set<HeldChannel>();
    for (const queued of items) {
      const { channel, item } = queued;
      if (!channels.includes(channel)) continue;
      if (channel.prevId !== undefined && !fitted.has(channel) && item.prevId !== channel.prevId) continue;
      fitted.add(channel);
      yield queued;
    }
  }
}
