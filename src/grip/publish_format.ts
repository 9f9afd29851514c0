/** The formats of a publish item (spec 3.2). Fields that an action does not need are not looked at. */
import { decodeBase64Leniently } from "./base64.ts";
import { asText, type Fields, isRecord } from "./fields.ts";
import { readHeaders } from "./header_fields.ts";
import type { HttpResponseFormat, HttpStreamFormat, JsonPatch, WsMessageFormat } from "./publish_item.ts";
import { reasonFor } from "./status.ts";

/** How content is carried: `json` has `*-bin` fields in base64, `binary` (tnetstring) plain fields with raw bytes. */
export type Carrier = "json" | "binary";

/** Patches nest no deeper than this; the rest of an item is flat. */
const MAX_PATCH_DEPTH = 100;

export function readHttpResponse(fields: Fields, carrier: Carrier): HttpResponseFormat {
  const action = readAction(fields, ["send", "hint", "close", "refresh"]);
  if (action !== "send") return { action };
  const code = fields.int("code", 999) ?? 200;
  return {
    action,
    code,
    reason: fields.text("reason") ?? reasonFor(code),
    headers: readHeaders(fields),
    body: readBody(fields, carrier),
    ...contentFilters(fields),
  };
}

export function readHttpStream(fields: Fields, carrier: Carrier): HttpStreamFormat {
  const action = readAction(fields, ["send", "hint", "close"]);
  if (action !== "send") return { action };
  const content = (carrier === "json" ? base64(fields, "content-bin") : undefined) ?? fields.bytes("content");
  if (content === undefined) throw missingContent(fields);
  return { action, content, ...contentFilters(fields) };
}

export function readWsMessage(fields: Fields, carrier: Carrier): WsMessageFormat {
  const action = readAction(fields, ["send", "close", "refresh", "hint"]);
  if (action === "close") {
    const code = fields.int("code");
    const reason = fields.text("reason");
    return { action, ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) };
  }
  if (action !== "send") return { action };

  // The one format where the binary form knows the -bin field as well, there with raw bytes (spec 3.1).
  const bin = carrier === "json" ? base64(fields, "content-bin") : fields.bytes("content-bin");
  const content = bin ?? fields.bytes("content");
  const type = fields.text("type") ?? (bin === undefined ? "text" : "binary");
  if (type !== "text" && type !== "binary" && type !== "ping" && type !== "pong") {
    throw fields.badValue("type");
  }
  if (content === undefined && (type === "text" || type === "binary")) throw missingContent(fields);
  return { action, type, content: content ?? new Uint8Array(0), ...contentFilters(fields) };
}

function readAction<const A extends string>(fields: Fields, known: readonly A[]): A | "send" {
  const action = fields.text("action");
  if (action === undefined) return "send";
  const found = known.find((k) => k === action);
  if (found === undefined) throw fields.badValue("action");
  return found;
}

function readBody(fields: Fields, carrier: Carrier): Uint8Array | { readonly patch: JsonPatch } {
  const body = (carrier === "json" ? base64(fields, "body-bin") : undefined) ?? fields.bytes("body");
  if (body !== undefined) return body;
  const list = fields.list("body-patch");
  if (list === undefined) throw fields.missing("'body', 'body-bin', or 'body-patch'");
  const patch = list.map((operation) => {
    const plain = plainJson(operation, MAX_PATCH_DEPTH);
    if (!isRecord(plain)) throw fields.wrongType("body-patch");
    return plain;
  });
  return { patch };
}

function missingContent(fields: Fields): Error {
  return fields.missing("'content' or 'content-bin'");
}

function base64(fields: Fields, name: string): Uint8Array | undefined {
  const text = fields.text(name);
  return text === undefined ? undefined : decodeBase64Leniently(text);
}

function contentFilters(fields: Fields): { readonly contentFilters?: readonly string[] } {
  const names = fields.texts("content-filters");
  return names === undefined ? {} : { contentFilters: names };
}

/** The value with bytes as texts; undefined where it nests too deep or holds what JSON has not. */
function plainJson(value: unknown, depth: number): unknown {
  const text = asText(value);
  if (text !== undefined) return text;
  if (typeof value === "number" && !Number.isFinite(value)) return undefined;
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value !== "object" || depth === 0) return undefined;
  if (Array.isArray(value)) {
    const items = value.map((item) => plainJson(item, depth - 1));
    return items.includes(undefined) ? undefined : items;
  }
  const entries = Object.entries(value).map(([key, item]) => [key, plainJson(item, depth - 1)] as const);
  // fromEntries defines, it does not assign: a key "__proto__" stays a key.
  return entries.some(([, item]) => item === undefined) ? undefined : Object.fromEntries(entries);
}
