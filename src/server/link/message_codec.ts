/**
 * The link's messages as frame heads and segments. Everything is plain JSON but the published item: its bodies go as
 * byte segments and its head names them by index.
 */
import { PushpinError } from "../../errors.ts";
import type { Formats, HttpResponseFormat, JsonPatch, PublishItem } from "../../grip/publish_item.ts";
import type { Header } from "../../grip/head.ts";
import type { Json } from "../wire/link_frames.ts";
import type { DownMessage, UpMessage } from "./messages.ts";

/** A message ready for a frame. */
export interface CodedMessage {
  readonly head: Json;
  readonly segments: readonly Uint8Array[];
}

/** How one direction's messages are written and read. */
export interface MessageCodec<Message> {
  encode(message: Message): CodedMessage;
  /** @throws {PushpinError} `PUSHPIN_WIRE_INVALID` for what no peer of our version says. */
  decode(coded: CodedMessage): Message;
}

const UP_TYPES: ReadonlySet<string> = new Set<UpMessage["type"]>([
  "hello",
  "subscribe",
  "unsubscribe",
  "forget",
  "receipt",
  "connections",
  "stats",
]);

const DOWN_TYPES: ReadonlySet<string> = new Set<DownMessage["type"]>([
  "hello",
  "subscribed",
  "item",
  "update",
  "recover",
  "refresh",
  "conncheck",
  "want-stats",
]);

/** From proxy to handler: JSON all through. */
export const upCodec: MessageCodec<UpMessage> = {
  encode: (message) => ({ head: plainJson(message), segments: [] }),
  decode: ({ head }) => trusted<UpMessage>(head, UP_TYPES),
};

/** From handler to proxy. */
export const downCodec: MessageCodec<DownMessage> = {
  encode(message) {
    if (message.type !== "item") return { head: plainJson(message), segments: [] };
    const segments: Uint8Array[] = [];
    return {
      head: plainJson({ type: "item", seq: message.seq, item: itemHead(message.item, segments) }),
      segments,
    };
  },
  decode({ head, segments }) {
    const message = trusted<Exclude<DownMessage, { type: "item" }> | ItemMessageHead>(head, DOWN_TYPES);
    if (message.type !== "item") return message;
    return { type: "item", seq: message.seq, item: itemFromHead(message.item, segments) };
  },
};

/** `Formats` with segment indexes for bytes. */
interface ItemHead {
  readonly channel: string;
  readonly id?: string;
  readonly prevId?: string;
  readonly meta?: readonly (readonly [string, string])[];
  readonly size?: number;
  readonly noSeq?: true;
  readonly formats: {
    readonly "http-response"?:
      | Exclude<HttpResponseFormat, { action: "send" }>
      | {
        readonly action: "send";
        readonly code: number;
        readonly reason: string;
        readonly headers: readonly Header[];
        readonly body: number | { readonly patch: JsonPatch };
        readonly contentFilters?: readonly string[];
      };
    readonly "http-stream"?: CodedContent<NonNullable<Formats["http-stream"]>>;
    readonly "ws-message"?: CodedContent<NonNullable<Formats["ws-message"]>>;
  };
}
type ItemMessageHead = { readonly type: "item"; readonly seq: number; readonly item: ItemHead };
type CodedContent<Format> = Format extends { readonly content: Uint8Array }
  ? Omit<Format, "content"> & { readonly content: number }
  : Format;

function itemHead(item: PublishItem, segments: Uint8Array[]): ItemHead {
  const response = item.formats["http-response"];
  const stream = item.formats["http-stream"];
  const ws = item.formats["ws-message"];
  // The three formats of one item often hold the very same bytes; they travel once.
  const segment = (bytes: Uint8Array): number => {
    const known = segments.indexOf(bytes);
    return known >= 0 ? known : segments.push(bytes) - 1;
  };
  return {
    channel: item.channel,
    id: item.id,
    prevId: item.prevId,
    size: item.size,
    noSeq: item.noSeq ? true : undefined,
    meta: item.meta.size > 0 ? [...item.meta] : undefined,
    formats: {
      "http-response": response === undefined || response.action !== "send" ? response : {
        ...response,
        body: response.body instanceof Uint8Array ? segment(response.body) : response.body,
      },
      "http-stream": stream === undefined || stream.action !== "send"
        ? stream
        : { ...stream, content: segment(stream.content) },
      "ws-message": ws === undefined || ws.action !== "send" ? ws : { ...ws, content: segment(ws.content) },
    },
  };
}

function itemFromHead(head: ItemHead, segments: readonly Uint8Array[]): PublishItem {
  const { "http-response": response, "http-stream": stream, "ws-message": ws } = head.formats;
  const bytes = (index: number): Uint8Array => {
    const segment = segments[index];
    if (segment === undefined) throw invalid(`the item names segment ${index} of ${segments.length}`);
    return segment;
  };
  const formats: Formats = {
    ...(response !== undefined && {
      "http-response": response.action !== "send" ? response : {
        ...response,
        body: typeof response.body === "number" ? bytes(response.body) : response.body,
      },
    }),
    ...(stream !== undefined && {
      "http-stream": stream.action !== "send" ? stream : { ...stream, content: bytes(stream.content) },
    }),
    ...(ws !== undefined && {
      "ws-message": ws.action !== "send" ? ws : { ...ws, content: bytes(ws.content) },
    }),
  };
  return {
    channel: head.channel,
    ...(head.id !== undefined && { id: head.id }),
    ...(head.prevId !== undefined && { prevId: head.prevId }),
    ...(head.size !== undefined && { size: head.size }),
    meta: new Map(head.meta ?? []),
    noSeq: head.noSeq === true,
    formats,
  };
}

/** Messages are made of JSON's own values (undefined members fall away); TypeScript cannot see that of interfaces. */
function plainJson(value: UpMessage | DownMessage | ItemMessageHead): Json {
  return value as unknown as Json;
}

/** Both ends agreed on the version, so a known type has the shape that this program gave it. */
function trusted<Message extends { readonly type: string }>(head: Json, types: ReadonlySet<string>): Message {
  const type = typeof head === "object" && head !== null && "type" in head ? head.type : undefined;
  if (typeof type !== "string" || !types.has(type)) {
    throw invalid(`unknown message type ${JSON.stringify(type)}`);
  }
  return head as unknown as Message;
}

function invalid(what: string): PushpinError {
  return new PushpinError("PUSHPIN_WIRE_INVALID", `Cannot read link message: ${what}`);
}
