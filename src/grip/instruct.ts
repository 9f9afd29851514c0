/** What an origin asks the proxy to do with a client, read from Grip-* headers or application/grip-instruct. */
import type { ResponseHead } from "./head.ts";

/** A channel of a hold, unprefixed, as the origin named it. */
export interface ChannelRef {
  readonly name: string;
  readonly prevId?: string;
  /** In declared order, at most 5. */
  readonly filters: readonly string[];
}

export interface KeepAlive {
  readonly data: Uint8Array;
  /** Default 55, floor 1. */
  readonly timeoutSeconds: number;
  /** idle: an item postpones it; interval: nothing does. */
  readonly mode: "idle" | "interval";
}

export interface NextLink {
  /** As given: may be relative to the URI it came from. */
  readonly uri: string;
  /** Default 120; the floor is the session's. */
  readonly timeoutSeconds: number;
}

export type Hold =
  | { readonly mode: "response"; readonly timeoutSeconds: number }
  | { readonly mode: "stream"; readonly keepAlive?: KeepAlive };

export interface Instruct {
  readonly hold?: Hold;
  /** Channels are there without a hold as well: their filters apply to the body (spec 2.4). */
  readonly channels: readonly ChannelRef[];
  readonly meta: ReadonlyMap<string, string>;
  readonly nextLink?: NextLink;
  readonly goneLink?: string;
  /** Names (lower case) that the origin exposes; undefined exposes all. Already applied to `head`. */
  readonly exposeHeaders?: readonly string[];
  /** What the client gets: Grip-*, hop-by-hop, Content-Length gone; Grip-Status and Grip-Expose-Headers applied. */
  readonly head: ResponseHead;
  /** The body for the client; empty where only the head was read and the body is streamed. */
  readonly body: Uint8Array;
}
