/** application/grip-instruct: the same instructions as a JSON body (spec 2.3). */
import { decodeBase64Leniently } from "./base64.ts";
import { Fields, isRecord } from "./fields.ts";
import type { Header } from "./head.ts";
import { readHeaders } from "./header_fields.ts";
import type { ChannelRef, KeepAlive } from "./instruct.ts";
import {
  addChannel,
  DEFAULT_KEEP_ALIVE_SECONDS,
  type InstructDraft,
  instructError,
  MIN_KEEP_ALIVE_SECONDS,
} from "./instruct_draft.ts";
import { strictText } from "./text.ts";

/** The response that a JSON instruct describes; status and links are in the draft. */
export interface InstructResponse {
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
}

/**
 * Reads a JSON instruct over what the headers said. Whole numbers may come as strings of digits; other strings are
 * refused where a number is wanted. null is absent.
 *
 * @throws {PushpinError} `PUSHPIN_INSTRUCT_INVALID`, naming field and value
 */
export function readInstructJson(draft: InstructDraft, body: Uint8Array): InstructResponse {
  const value = parseJson(body);
  if (!isRecord(value)) throw instructError("instruct must be an object");
  const instruct = new Fields(value, "instruct", instructError);
  const hold = instruct.record("hold");
  if (hold !== undefined) readHold(draft, hold);

  const response = instruct.record("response");
  if (response === undefined) return { headers: [], body: new Uint8Array(0) };
  const code = response.int("code", 999);
  if (code !== undefined) {
    draft.code = code;
    draft.reason = undefined; // the reason of Grip-Status belongs to its code
  }
  draft.reason = response.text("reason") ?? draft.reason;
  return {
    headers: readHeaders(response),
    body: content(response, "body") ?? new Uint8Array(0),
  };
}

function readHold(draft: InstructDraft, hold: Fields): void {
  const mode = hold.text("mode") ?? "response";
  if (mode !== "response" && mode !== "stream") throw hold.badValue("mode");
  draft.mode = mode;

  const channels = hold.list("channels");
  if (channels === undefined) throw instructError("'hold' does not contain 'channels'");
  for (const item of channels) {
    if (!isRecord(item)) throw instructError("'hold' contains a channel with wrong type", item);
    addChannel(draft, readChannel(new Fields(item, "channel", instructError)));
  }

  draft.timeoutSeconds = hold.int("timeout") ?? draft.timeoutSeconds;
  const keepAlive = hold.record("keep-alive");
  if (keepAlive !== undefined) draft.keepAlive = readKeepAlive(keepAlive) ?? draft.keepAlive;
  for (const [name, value] of hold.textMap("meta")) draft.meta.set(name, value);
}

function readChannel(channel: Fields): ChannelRef {
  const name = channel.needText("name");
  if (name === "") throw channel.badValue("name");
  const prevId = channel.text("prev-id");
  return { name, ...(prevId !== undefined && { prevId }), filters: channel.texts("filters") ?? [] };
}

/** Undefined where there is no data: an empty keep-alive would end a chunked body. */
function readKeepAlive(fields: Fields): KeepAlive | undefined {
  const data = content(fields, "content");
  // The original knows no mode here and behaves as "interval"; idle is what the header form does and what is documented.
  const mode = fields.text("mode") ?? "idle";
  if (mode !== "idle" && mode !== "interval") throw fields.badValue("mode");
  const timeout = fields.int("timeout") ?? DEFAULT_KEEP_ALIVE_SECONDS;
  if (data === undefined || data.length === 0) return undefined;
  return { data, timeoutSeconds: Math.max(timeout, MIN_KEEP_ALIVE_SECONDS), mode };
}

/** `<name>-bin` as base64, or `<name>` as text; the first wins. */
function content(fields: Fields, name: string): Uint8Array | undefined {
  const base64 = fields.text(`${name}-bin`);
  return base64 === undefined ? fields.bytes(name) : decodeBase64Leniently(base64);
}

function parseJson(body: Uint8Array): unknown {
  const text = strictText(body);
  if (text === undefined) throw instructError("body is not UTF-8");
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw instructError(`body is not valid JSON: ${reason.slice(0, 120)}`);
  }
}
