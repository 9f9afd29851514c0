/** What the hub keeps for a channel. */
import type { FormatName } from "../../grip/publish_item.ts";
import type { Receipt, SubscriptionMode } from "../link/messages.ts";
import type { Subscriber } from "./subscriber.ts";
import type { TimerHandle } from "./timer_wheel.ts";

/** The format that each kind of session takes. */
export const FORMAT_OF: Readonly<Record<SubscriptionMode, FormatName>> = {
  response: "http-response",
  stream: "http-stream",
  ws: "ws-message",
};
/** What an item that matched nobody comes to. */
export const NOBODY: Receipt = { matched: 0, matchedByMode: { response: 0, stream: 0, ws: 0 }, dropped: {} };
export const MODES = Object.keys(FORMAT_OF) as readonly SubscriptionMode[];

/** A channel with its sessions. */
export interface Channel {
  readonly name: string;
  readonly subscribers: Readonly<Record<SubscriptionMode, Set<Subscriber>>>;
  /** False from the announcement until the handler's answer: nobody knows the last id yet. */
  known: boolean;
  lastId: string | undefined;
  /** Runs while the last long-poll has left and the next may come (spec 4.7). */
  linger: TimerHandle | undefined;
}

export function newChannel(name: string): Channel {
  return {
    name,
    subscribers: { response: new Set(), stream: new Set(), ws: new Set() },
    known: false,
    lastId: undefined,
    linger: undefined,
  };
}
