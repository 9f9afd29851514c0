/**
 * What the HTTP control API answers, as values (spec 3.4): status, text and negotiation byte for byte as the original's
 * clients know them. Pure; `http_control.ts` brings the bytes and carries out what is asked.
 */
import { PushpinError } from "../../errors.ts";
import { parsePublishItem, type PublishItem } from "../../grip/publish_item.ts";

export interface ControlLimits {
  /** `push_in_http_max_headers_size`, default 10 000 bytes. */
  readonly maxHeaderBytes: number;
  /** `push_in_http_max_body_size`, default 1 000 000 bytes. */
  readonly maxBodyBytes: number;
}

/** A request's head, as far as the API looks at it. */
export interface ControlHead {
  readonly method: string;
  /** Raw target after the authority; a query is not cut off, as in the original. */
  readonly path: string;
  readonly accept: string | null;
  readonly contentLength: string | null;
  readonly transferEncoding: string | null;
  /** RFC 7240; `return=representation` asks for a report. */
  readonly prefer: string | null;
  /** Estimate of the head's size on the wire. */
  readonly headBytes: number;
}

export interface ControlReply {
  readonly status: number;
  readonly type: "text/plain" | "application/json";
  readonly body: string;
  readonly allow?: string;
}

/** What to do once the body is there. */
export type ControlTask =
  | { readonly kind: "reply"; readonly reply: ControlReply }
  | { readonly kind: "publish"; readonly json: boolean; readonly report: boolean; readonly bodyBytes: number }
  | { readonly kind: "recover"; readonly json: boolean; readonly bodyBytes: number };

/** Reads a request's head: a reply, or what its body is for. */
export function readControlHead(head: ControlHead, limits: ControlLimits): ControlTask {
  if (head.headBytes > limits.maxHeaderBytes) return refuse(400, "Request header too large.");
  const path = head.path.length > 1 && head.path.endsWith("/") ? head.path.slice(0, -1) : head.path;
  const bodyless = head.method === "GET" || head.method === "HEAD" || head.method === "OPTIONS" ||
    head.method === "DELETE";
  let bodyBytes = 0;
  if (head.contentLength !== null) {
    if (!/^\d{1,15}$/.test(head.contentLength)) return refuse(400, "Bad Content-Length.");
    bodyBytes = Number(head.contentLength);
    if (bodyBytes > limits.maxBodyBytes) return refuse(400, "Request body too large.");
  } else if (head.transferEncoding !== null || (!bodyless && path !== "/recover")) {
    // Nothing has to be sent to /recover: asking for the length of nothing helps nobody.
    return refuse(411, "Request requires Content-Length.");
  }
  const accepted = negotiate(head.accept);
  if (accepted === undefined) {
    return refuse(406, "Not Acceptable. Supported formats are text/plain and application/json.");
  }
  const json = accepted === "application/json";
  if (path === "/") return reply(200, "text/plain", "Pushpin API\n");
  if (path !== "/publish" && path !== "/recover") return refuse(404, "Not Found");
  if (head.method !== "POST") {
    const text = `Method not allowed: ${head.method}.\n`;
    return { kind: "reply", reply: { status: 405, type: "text/plain", body: text, allow: "POST" } };
  }
  if (path === "/recover") return { kind: "recover", json, bodyBytes };
  return { kind: "publish", json, report: wantsReport(head.prefer), bodyBytes };
}

/**
 * Reads the items of a publish: all of them, or none.
 *
 * @throws {PushpinError} `PUSHPIN_ITEM_INVALID` with the text of the 400, without its newline.
 */
export function readItems(body: string): readonly PublishItem[] {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new PushpinError("PUSHPIN_ITEM_INVALID", "Body is not valid JSON.", { cause });
  }
  if (typeof value !== "object" || value === null) {
    throw new PushpinError("PUSHPIN_ITEM_INVALID", "Body is not valid JSON.");
  }
  if (Array.isArray(value)) throw new PushpinError("PUSHPIN_ITEM_INVALID", "Invalid format.");
  if (!("items" in value)) throw invalid("object does not contain 'items'");
  if (!Array.isArray(value.items)) throw invalid("object contains 'items' with wrong type");
  try {
    return value.items.map((item: unknown) => parsePublishItem(item));
  } catch (thrown) {
    if (thrown instanceof PushpinError) throw invalid(thrown.message);
    throw thrown;
  }
}

/** `Published`, `Updated`: as text, or as JSON where that was asked for. */
export function done(message: string, json: boolean): ControlReply {
  return json
    ? { status: 200, type: "application/json", body: `{"message":"${message}"}\n` }
    : { status: 200, type: "text/plain", body: `${message}\n` };
}

/** The reply for what is wrong with a request. */
export function refusal(status: number, text: string): ControlReply {
  return { status, type: "text/plain", body: `${text}\n` };
}

function invalid(what: string): PushpinError {
  return new PushpinError("PUSHPIN_ITEM_INVALID", `Invalid format: ${what}`);
}

function refuse(status: number, text: string): ControlTask {
  return { kind: "reply", reply: refusal(status, text) };
}

function reply(status: number, type: ControlReply["type"], body: string): ControlTask {
  return { kind: "reply", reply: { status, type, body } };
}

const MEDIA_TYPES: Readonly<Record<string, ControlReply["type"]>> = {
  "text/plain": "text/plain",
  "text/*": "text/plain",
  "*/*": "text/plain",
  "*": "text/plain",
  "application/json": "application/json",
  "application/*": "application/json",
};

/** The original's own rule: q is ignored and the last supported type wins. */
function negotiate(accept: string | null): ControlReply["type"] | undefined {
  if (accept === null) return "text/plain";
  let found: ControlReply["type"] | undefined;
  for (const part of accept.split(",")) {
    found = MEDIA_TYPES[part.split(";", 1)[0]!.trim().toLowerCase()] ?? found;
  }
  return found;
}

function wantsReport(prefer: string | null): boolean {
  return prefer !== null &&
    prefer.split(",").some((part) =>
      /^return\s*=\s*"?representation"?$/i.test(part.split(";", 1)[0]!.trim())
    );
}
