/**
 * What a proxy and the handler say to each other. One vocabulary whether they are one process (objects handed over)
 * or two (framed on a socket): interest goes up, items go down, in order.
 */
import type { PublishItem } from "../../grip/publish_item.ts";
import type { StatsBatch, StatsType } from "../stats/packet.ts";

export type { StatsBatch, StatsPacket, StatsType } from "../stats/packet.ts";

/** Raised by one when either side would misunderstand the other; unequal versions refuse each other clearly. */
export const LINK_VERSION = 1;

export type SubscriptionMode = "response" | "stream" | "ws";

/** What became of an item in one proxy. */
export interface Receipt {
  /** Sessions that the item was for, after subscription and before filters. */
  readonly matched: number;
  readonly matchedByMode: Readonly<Record<SubscriptionMode, number>>;
  /** Not delivered, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** From a proxy to the handler. */
export type UpMessage =
  | { readonly type: "hello"; readonly version: number; readonly proxy: string }
  /** The channel's first subscriber here. `lastId`: what this proxy saw last, for a handler that has just started. */
  | { readonly type: "subscribe"; readonly channel: string; readonly lastId?: string }
  | { readonly type: "unsubscribe"; readonly channel: string }
  /** The next item of the channel passes the sequencer whatever its prev-id (spec 4.4). */
  | { readonly type: "forget"; readonly channel: string }
  | { readonly type: "receipt"; readonly seq: number; readonly receipt: Receipt }
  | { readonly type: "connections"; readonly ask: number; readonly ids: readonly string[] }
  /** Only what `want-stats` asked for. */
  | { readonly type: "stats" } & StatsBatch;

/** From the handler to a proxy. */
export type DownMessage =
  | { readonly type: "hello"; readonly version: number }
  /** Answers `subscribe`, always before the channel's first item. */
  | { readonly type: "subscribed"; readonly channel: string; readonly lastId?: string }
  | { readonly type: "item"; readonly seq: number; readonly item: PublishItem }
  /** The channel has just got its first subscriber anywhere (spec 4.6). */
  | { readonly type: "update"; readonly channel: string }
  /** Every held session updates; all last ids are forgotten (spec 4.5). */
  | { readonly type: "recover" }
  | { readonly type: "refresh"; readonly by: "cid" | "channel"; readonly value: string }
  /** Which of these connections are yours? Answered by `connections`. */
  | { readonly type: "conncheck"; readonly ask: number; readonly ids: readonly string[] }
  /** Which statistics somebody listens to from now on; none until this says otherwise. */
  | { readonly type: "want-stats"; readonly types: readonly StatsType[] };
