/** What an origin asks the proxy to do with a client, read from Grip-* headers or application/grip-instruct. */
import type { ResponseHead } from "./head.ts";
import { hasGripHeaders, headerValue } from "./headers.ts";
import { finishDraft, instructError, newDraft } from "./instruct_draft.ts";
import { readGripHeaders } from "./instruct_headers.ts";
import { readInstructJson } from "./instruct_json.ts";

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
  /** Worth a log line: a status that could not be sent as asked, a body left out. */
  readonly notes?: readonly string[];
}

/** True where a response is for the proxy: any Grip-* field, or a body of instructions (spec 1.10). */
export function isInstruct(head: ResponseHead): boolean {
  return isInstructBody(head) || hasGripHeaders(head.headers);
}

/** True where the body is JSON instructions, and must be read before anything else is known. */
export function isInstructBody(head: ResponseHead): boolean {
  const [type = ""] = (headerValue(head.headers, "content-type") ?? "").split(";");
  return type.trim().toLowerCase() === "application/grip-instruct";
}

/**
 * Reads what an origin asks for, from its headers and, where the body is application/grip-instruct, from the body.
 *
 * The body is decoded already: Content-Encoding is not looked at and not passed on. In the JSON form the client gets only
 * the `response` object; the origin's own headers are dropped. Headers are read first, the body overrides or extends.
 *
 * @throws {PushpinError} `PUSHPIN_INSTRUCT_INVALID`, naming the field and its value
 */
export function parseInstruct(head: ResponseHead, body: Uint8Array): Instruct {
  if (!isInstructBody(head)) return readHeaders(head, body);
  if (head.code !== 200) throw instructError(`status is ${head.code}: answer 200 with this Content-Type`);
  const draft = newDraft();
  readGripHeaders(draft, head.headers);
  const response = readInstructJson(draft, body);
  return finishDraft(draft, { code: 200, reason: "OK", headers: response.headers }, response.body);
}

/**
 * Reads a response whose body is streamed: its headers alone; the instruct's body is empty.
 *
 * @throws {PushpinError} `PUSHPIN_INSTRUCT_INVALID`, also where the instructions are in the body (spec 2.7)
 */
export function readInstructHead(head: ResponseHead): Instruct {
  if (isInstructBody(head)) {
    throw instructError("Content-Type is application/grip-instruct: use headers where the body is streamed");
  }
  return readHeaders(head, new Uint8Array(0));
}

function readHeaders(head: ResponseHead, body: Uint8Array): Instruct {
  const draft = newDraft();
  readGripHeaders(draft, head.headers);
  return finishDraft(draft, head, body);
}

const SENT: ResponseHead = { code: 200, reason: "", headers: [] };
const NOTHING = new Uint8Array(0);

/** What a stream needs to keep of its instructions once their response has begun: not the response. */
export function onceSent(instruct: Instruct): Instruct {
  return { ...instruct, head: SENT, body: NOTHING };
}
