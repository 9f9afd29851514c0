/** `headers` of JSON instructs and publish items: `{name: value}` or `[[name, value], …]`. */
import { asText, type Fields, isRecord } from "./fields.ts";
import type { Header } from "./head.ts";
import { headerFromText, latin1String } from "./text.ts";

/** Reads the field; empty where absent. A text goes out as its UTF-8 bytes, bytes as they are. */
export function readHeaders(fields: Fields, name = "headers"): Header[] {
  const value = fields.raw(name);
  if (value === undefined) return [];
  if (isRecord(value)) return Object.keys(value).map((key) => header(fields, name, [key, value[key]]));
  if (Array.isArray(value)) return value.map((pair: unknown) => header(fields, name, pair));
  throw fields.wrongType(name);
}

function header(fields: Fields, name: string, pair: unknown): Header {
  if (!Array.isArray(pair) || pair.length !== 2) throw fields.wrongType(name);
  const key = asText(pair[0]);
  const value: unknown = pair[1];
  if (key === undefined) throw fields.wrongType(name);
  if (value instanceof Uint8Array) return [headerFromText(key), latin1String(value)];
  if (typeof value !== "string") throw fields.wrongType(name);
  return [headerFromText(key), headerFromText(value)];
}
