/** The size of heads as reports count it: names and values, no separators, so about what goes over the wire (spec 9.2). */
import type { Header } from "../../grip/head.ts";

export function requestHeadBytes(method: string, path: string, headers: readonly Header[]): number {
  return method.length + path.length + fieldBytes(headers);
}

/** Status and reason count as they are written. */
export function responseHeadBytes(reason: string, headers: readonly Header[] | Headers): number {
  return 3 + reason.length + fieldBytes(headers);
}

function fieldBytes(headers: readonly Header[] | Headers): number {
  let bytes = 0;
  if (headers instanceof Headers) headers.forEach((value, name) => bytes += name.length + value.length);
  else for (const [name, value] of headers) bytes += name.length + value.length;
  return bytes;
}
