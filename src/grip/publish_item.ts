/** One published message for one channel, in exact types; behind the door nobody checks it again (spec 3.1, 3.2). */
import { PushpinError } from "../errors.ts";
import { Fields, isRecord } from "./fields.ts";
import type { Header } from "./head.ts";
import { type Carrier, readHttpResponse, readHttpStream, readWsMessage } from "./publish_format.ts";

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

export interface ParseItemOptions {
  /** The channel where the item does not name it: the topic of a SUB socket. It wins over the item's own. */
  readonly channel?: string;
  /** tnetstring-decoded: strings are bytes, plain fields carry raw content (spec 3.1). */
  readonly binary?: boolean;
}

/**
 * Reads one publish item from a JSON-parsed or tnetstring-decoded value.
 *
 * Formats may stand in `formats` or, in the old flat form, in the item itself. Unknown fields and formats are ignored,
 * null is absent, whole numbers may come as strings of digits. Content is not copied: it belongs to the item from here on.
 *
 * @throws {PushpinError} `PUSHPIN_ITEM_INVALID`; the message is what a publisher reads after "Invalid format: " (spec 3.4)
 */
export function parsePublishItem(value: unknown, options: ParseItemOptions = {}): PublishItem {
  if (!isRecord(value)) throw itemError("publish item object is not an object");
  const item = new Fields(value, "publish item object", itemError);
  const channel = options.channel ?? item.needText("channel");
  if (channel === "") throw item.badValue("channel");
  const id = item.text("id");
  const prevId = item.text("prev-id");
  const size = item.int("size");
  return {
    channel,
    ...(id !== undefined && { id }),
    ...(prevId !== undefined && { prevId }),
    formats: readFormats(item, options.binary === true ? "binary" : "json"),
    meta: item.textMap("meta"),
    ...(size !== undefined && { size }),
    noSeq: item.flag("no-seq") ?? false,
  };
}

function readFormats(item: Fields, carrier: Carrier): Formats {
  const inner = item.record("formats");
  if (inner?.names().length === 0) throw itemError("no formats specified");
  const holder = inner ?? item;
  const response = holder.record("http-response");
  const stream = holder.record("http-stream");
  const message = holder.record("ws-message");
  if (inner === undefined && response === undefined && stream === undefined && message === undefined) {
    throw itemError("no formats specified");
  }
  return {
    ...(response && { "http-response": readHttpResponse(response, carrier) }),
    ...(stream && { "http-stream": readHttpStream(stream, carrier) }),
    ...(message && { "ws-message": readWsMessage(message, carrier) }),
  };
}

function itemError(text: string): PushpinError {
  return new PushpinError("PUSHPIN_ITEM_INVALID", text);
}
