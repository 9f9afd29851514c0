/**
 * All that a hold may ask of the world. Holds are machines: events come in as methods, effects go out through this
 * port, nothing inside is async. The server implements it over a client's connection, tests over a recorder.
 */
import type { Header, ResponseHead } from "./head.ts";
import type { HeldChannel } from "./held_channel.ts";
import type { PublishItem } from "./publish_item.ts";

/** Why a hold ended, once: the log field and the metric label. */
export type EndReason =
  | "delivered" // a response hold got its item
  | "timeout" // a response hold's time was up
  | "closed" // a publish or the origin's last page ended it cleanly
  | "client-gone"
  | "slow-client" // the bounded queue overflowed
  | "origin-failed" // recovery failed for good
  | "filter-failed"
  | "handed-back" // replaced by a fresh answer of the origin
  | "drained" // the process is going down
  | "error"; // our own fault

/** `timeout`: a long-poll's; `next`: the next link is due; `retry`: a failed fetch is tried again. */
export type HoldTimer = "timeout" | "keep-alive" | "next" | "retry";

/** LOW updates are collected and batched (spec 4.5), HIGH ones run at once. */
export type UpdatePriority = "low" | "high";

export type OriginAsk =
  /** Run the original request again; its answer replaces this hold, which has ended. */
  | { readonly kind: "retry"; readonly gripLast: readonly Header[] }
  /**
   * GET a next link; `uri` is as the origin gave it. Answered by `nextHead`, `bodyChunk`s and `bodyEnd`, or by
   * `bodyFailed` instead of any of them.
   */
  | { readonly kind: "next"; readonly uri: string; readonly gripLast: readonly Header[] }
  /** POST to a gone link (spec 2.8); nobody waits for the answer. `uri` resolves against the request's URI. */
  | { readonly kind: "gone"; readonly uri: string };

/** What became of an item in one session: sent, kept for later, or the reason why it was not delivered. */
export type ItemVerdict =
  | "sent"
  | "queued"
  | "hint" // the origin is asked instead
  | "gap" // its predecessor is missing: the origin is asked instead
  | "filter" // a filter decided so
  | "filter-failed"
  | "content-filters" // the publisher wants filters that the subscription has not
  | "queue-full" // too many came while the origin was asked
  | "slow-client"
  | "no-action" // nothing that this kind of hold does
  | "ended";

/** What a client is sent bytes of, where that is not its own response: statistics tell them apart. */
export type Sent = PublishItem | "keep-alive";

export interface SessionPort {
  /** Starts the client's response; its body follows by sendBody until end. */
  sendHead(head: ResponseHead): void;
  /** False where the client's queue is full: the bytes were not taken, the hold ends itself as a slow client's. */
  sendBody(bytes: Uint8Array, of?: Sent): boolean;
  /** Sends a whole response; `end` follows. */
  respond(head: ResponseHead, body: Uint8Array, item?: PublishItem): void;
  /**
   * Exactly once, and the last thing a hold does; subscriptions and timers are gone before it. "closed", "delivered",
   * "timeout", "drained" end the body cleanly; the others cut it, so that the client sees that it is not whole.
   */
  end(reason: EndReason): void;
  /**
   * Subscribes (prefix added by the port, but for implicit channels). The hold is told the channel's last id by
   * `subscribed(channel, lastId)`, at once or later, always before the channel's first item; and again when the way to
   * the publisher was lost and is back, in which case items may have been missed.
   */
  subscribe(channel: HeldChannel): void;
  unsubscribe(channel: HeldChannel): void;
  /** The next item of the channel passes the sequencer whatever its prev-id (spec 4.4). */
  forgetLastId(channel: HeldChannel): void;
  /** Asks for `update()` to be called: `key` (next link, or empty) says which ones are batched together. */
  requestUpdate(priority: UpdatePriority, key: string): void;
  /** Takes back what `requestUpdate` asked for. */
  cancelUpdate(): void;
  askOrigin(ask: OriginAsk): void;
  /** Gives up the "next" ask that runs; none of its events comes any more. */
  cancelAsk(): void;
  /** Sets or moves a timer; the hold's `timer(name)` is called once. */
  setTimer(timer: HoldTimer, delayMs: number): void;
  clearTimer(timer: HoldTimer): void;
  /** Milliseconds of a clock that never goes back. */
  nowMs(): number;
  /** A whole number from 0 to max - 1, for jitter. */
  random(max: number): number;
  /** Counts and logs what was not delivered: nothing is dropped in silence. */
  dropped(channel: HeldChannel, reason: ItemVerdict, detail?: string): void;
  /** Worth a line at debug level. */
  note(message: string): void;
}
