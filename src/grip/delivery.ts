/** An item on its way into one session, after its place in the order is known: content-filters, filters, content. */
import { applyFilters, contentFiltersMatch } from "./filters.ts";
import type { HeldChannel } from "./held_channel.ts";
import type { HttpStreamFormat, PublishItem } from "./publish_item.ts";
import type { ItemVerdict, SessionPort } from "./session_port.ts";

/** What a hold is to do with an item. `reason` and `message` are for counting and for people. */
export type Delivery =
  | { readonly kind: "send"; readonly content: Uint8Array }
  | { readonly kind: "drop"; readonly reason: "filter" | "content-filters" }
  | { readonly kind: "failed"; readonly message: string };

export interface DeliveryContext {
  readonly item: PublishItem;
  readonly channel: HeldChannel;
  /** All of the hold's channels. */
  readonly channels: readonly HeldChannel[];
  /** The subscription's, from Grip-Set-Meta or hold.meta. */
  readonly meta: ReadonlyMap<string, string>;
}

/** Says what a delivery that is none came to. What a filter decided is as wanted: nothing to report. */
export function reportRefused(
  port: SessionPort,
  channel: HeldChannel,
  refused: Delivery & { readonly kind: "drop" | "failed" },
): ItemVerdict {
  if (refused.kind === "failed") {
    port.dropped(channel, "filter-failed", refused.message);
    return "filter-failed";
  }
  if (refused.reason !== "filter") port.dropped(channel, refused.reason);
  return refused.reason;
}

/** Checks a format's content-filters and runs the channel's filters on its content (spec 5). */
export function prepareItem(
  contentFilters: readonly string[] | undefined,
  content: Uint8Array,
  context: DeliveryContext,
): Delivery {
  const { item, channel, channels, meta } = context;
  if (!contentFiltersMatch(contentFilters, channel.filters)) {
    return { kind: "drop", reason: "content-filters" };
  }
  if (channel.filters.length === 0) return { kind: "send", content };
  const result = applyFilters(channel.filters, {
    subMeta: meta,
    pubMeta: item.meta,
    channels: new Map(channels.map((c) => [c.name, c.prevId])),
    item: { channel: channel.name, id: item.id },
  }, content);
  switch (result.kind) {
    case "send":
      return result;
    case "drop":
      return { kind: "drop", reason: "filter" };
    case "error":
      return { kind: "failed", message: result.error.message };
  }
}

/**
 * The same for a stream's format. One that closes has no content, and goes through the filters as well: publishers end
 * some of a channel's streams with require-sub.
 */
export function prepareStreamItem(format: HttpStreamFormat, context: DeliveryContext): Delivery {
  if (format.action === "send") return prepareItem(format.contentFilters, format.content, context);
  return prepareItem(undefined, new Uint8Array(0), context);
}
