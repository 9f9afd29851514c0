/** Fields that are about one connection and go no further (RFC 9110 7.6.1), in either direction. */
import type { Header } from "../../grip/head.ts";

/** For peers that do not name them in Connection. Names are lower case. */
export const HOP_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The lower-case names in a Connection field's value that the fixed list lacks; undefined where there are none, as
 * in nearly every message.
 */
export function connectionNames(value: string): ReadonlySet<string> | undefined {
  if (value === "keep-alive" || value === "close") return undefined; // what nearly all are
  const names = value.split(",").map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "close" && !HOP_FIELDS.has(name));
  return names.length > 0 ? new Set(names) : undefined;
}

/** What the message's own Connection field names; undefined where that is nothing. */
export function namedByConnection(headers: readonly Header[]): ReadonlySet<string> | undefined {
  for (const [name, value] of headers) if (name === "connection") return connectionNames(value);
  return undefined;
}
