/** What the hub asks of a held session. Nothing here may wait: a fan-out calls it for every subscriber in turn. */
import type { PublishItem } from "../../grip/publish_item.ts";

/**
 * What became of an item in one session: `sent`, `queued` (a recovery or a relay is running), or the reason why it was
 * not delivered, out of a small closed set (`filter`, `gap`, `queue-full`, `ended`, …).
 */
export type DeliveryVerdict = "sent" | "queued" | string;

export interface Subscriber {
  /** The connection's id, as logs and conncheck know it. */
  readonly id: string;
  /** The route's id, where it has one: deliveries are throttled in turn between routes. */
  readonly bucket?: string;
  /** The channel's last id as far as anybody knows; comes before the channel's first item, once a subscription. */
  subscribed(channel: string, lastId: string | undefined): void;
  /** An item that has the format of the subscription's mode. */
  item(channel: string, item: PublishItem): DeliveryVerdict;
  /** The channel has just been subscribed to for the first time anywhere: what was published before may be missing. */
  update(channel: string): void;
  /** Every session asks its origin again (spec 4.5). */
  recover(): void;
  /** WebSocket-over-HTTP connections make a request now; others do nothing (spec 3.5). */
  refresh?(): void;
}
