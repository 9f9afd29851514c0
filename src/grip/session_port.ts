/**
 * All that a hold may ask of the world. Holds are machines: events come in as methods, effects go out through this
 * port, nothing inside is async. The server implements it over a client's connection, tests over a recorder.
 */
import type { Header, ResponseHead } from "./head.ts";

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

export type HoldTimer = "timeout" | "keep-alive" | "next" | "retry";

/** LOW updates are collected and batched (spec 4.5), HIGH ones run at once. */
export type UpdatePriority = "low" | "high";

export type OriginAsk =
  /** Run the original request again; its answer replaces this hold. */
  | { readonly kind: "retry"; readonly gripLast: readonly Header[] }
  /** GET a next link; its head and body come back as events. */
  | { readonly kind: "next"; readonly uri: string; readonly gripLast: readonly Header[] };

export interface SessionPort {
  /** Starts the client's response; its body follows by sendBody until end. */
  sendHead(head: ResponseHead): void;
  sendBody(bytes: Uint8Array): void;
  /** Sends a whole response; `end` follows. */
  respond(head: ResponseHead, body: Uint8Array): void;
  /** Exactly once. "closed", "delivered", "timeout", "drained" end the body cleanly; the others cut it. */
  end(reason: EndReason): void;
  /**
   * Subscribes (prefix added by the port). The hold is told the channel's last id by `subscribed(channel, lastId)`,
   * at once or later, and always before the channel's first item.
   */
  subscribe(channel: string): void;
  unsubscribe(channel: string): void;
  /** The next item of the channel passes the sequencer whatever its prev-id (spec 4.4). */
  forgetLastId(channel: string): void;
  /** Asks for `update()` to be called: `key` (next link, or empty) says which ones are batched together. */
  requestUpdate(priority: UpdatePriority, key: string): void;
  askOrigin(ask: OriginAsk): void;
  /** Sets or moves a timer; the hold's `timer(name)` is called once. */
  setTimer(timer: HoldTimer, delayMs: number): void;
  clearTimer(timer: HoldTimer): void;
  /** A whole number from 0 to max - 1, for jitter. */
  random(max: number): number;
  /** Counts and logs what was not delivered: nothing is dropped in silence. */
  dropped(channel: string, reason: string): void;
}
