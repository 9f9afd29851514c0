/** One published message for one channel, in exact types; behind the door nobody checks it again (spec 3.1, 3.2). */
import type { Header } from "./head.ts";

export const FORMAT_NAMES = ["http-response", "http-stream", "ws-message"] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

/** An RFC 6902 operation list, not yet applied. */
export type JsonPatch = readonly Readonly<Record<string, unknown>>[];

export type HttpResponseFormat =
  | {
    readonly action: "send";
    readonly code: number;
    readonly reason: string;
    readonly headers: readonly Header[];
    readonly body: Uint8Array | { readonly patch: JsonPatch };
    readonly contentFilters?: readonly string[];
  }
  | { readonly action: "hint" | "close" | "refresh" };

export type HttpStreamFormat =
  | { readonly action: "send"; readonly content: Uint8Array; readonly contentFilters?: readonly string[] }
  | { readonly action: "hint" | "close" };

export type WsMessageFormat =
  | {
    readonly action: "send";
    readonly type: "text" | "binary" | "ping" | "pong";
    readonly content: Uint8Array;
    readonly contentFilters?: readonly string[];
  }
  | { readonly action: "close"; readonly code?: number; readonly reason?: string }
  | { readonly action: "refresh" | "hint" };

export interface Formats {
  readonly "http-response"?: HttpResponseFormat;
  readonly "http-stream"?: HttpStreamFormat;
  readonly "ws-message"?: WsMessageFormat;
}

export interface PublishItem {
  /** With the route's prefix, as the publisher names it. */
  readonly channel: string;
  readonly id?: string;
  readonly prevId?: string;
  readonly formats: Formats;
  /** For filters. */
  readonly meta: ReadonlyMap<string, string>;
  /** Overrides the content's size in accounting. */
  readonly size?: number;
  /** Bypasses the sequencing buffer. */
  readonly noSeq: boolean;
}
