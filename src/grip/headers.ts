/** Lists of header fields: looking up without regard to case, taking out what is not for the client, what is safe to send. */
import type { Header } from "./head.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The first value of a field. */
export function headerValue(headers: readonly Header[], name: string): string | undefined {
  const wanted = name.toLowerCase();
  return headers.find(([n]) => n.toLowerCase() === wanted)?.[1];
}

/** All values of a field in order; a comma-joined value is one value. */
export function headerValues(headers: readonly Header[], name: string): string[] {
  const wanted = name.toLowerCase();
  return headers.filter(([n]) => n.toLowerCase() === wanted).map(([, value]) => value);
}

/** The list without a field. */
export function withoutHeader(headers: readonly Header[], name: string): Header[] {
  const unwanted = name.toLowerCase();
  return headers.filter(([n]) => n.toLowerCase() !== unwanted);
}

/** `over` laid on `under`: a field named in `over` replaces all of that name in `under` (spec 2.5). */
export function overlayHeaders(under: readonly Header[], over: readonly Header[]): Header[] {
  const names = new Set(over.map(([name]) => name.toLowerCase()));
  return [...under.filter(([name]) => !names.has(name.toLowerCase())), ...over];
}

/** True for the fields that speak to the proxy: `Grip-` and anything after it. */
export function isGrip(name: string): boolean {
  return name.length > 4 && name.slice(0, 5).toLowerCase() === "grip-";
}

/** True where any field is a Grip one, known or not. */
export function hasGripHeaders(headers: readonly Header[]): boolean {
  return headers.some(([name]) => isGrip(name));
}

const HOP_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
]);

/** Without the fields that belong to one connection, and without Content-Length, which is made anew. */
export function stripHops(headers: readonly Header[]): Header[] {
  // RFC 9110 7.6.1: the fields named by Connection go first; the fixed list is for peers that name none.
  const named = new Set(
    headerValues(headers, "connection").flatMap((v) => v.split(",")).map((v) => v.trim().toLowerCase()),
  );
  return headers.filter(([name]) => {
    const lower = name.toLowerCase();
    return !HOP_FIELDS.has(lower) && !named.has(lower);
  });
}

/**
 * The fields the client gets of a response that is an instruct (spec 2.2): without Grip-*, hop-by-hop, Content-Length,
 * and Content-Encoding, since the body of an instruct is decoded before it is read.
 */
export function stripForClient(headers: readonly Header[]): Header[] {
  return stripHops(headers).filter(([name]) => !isGrip(name) && name.toLowerCase() !== "content-encoding");
}

/** Only the fields named (in lower case) by Grip-Expose-Headers; undefined keeps all. */
export function keepExposed(headers: readonly Header[], exposed: readonly string[] | undefined): Header[] {
  if (exposed === undefined) return [...headers];
  const names = new Set(exposed);
  return headers.filter(([name]) => names.has(name.toLowerCase()));
}

/**
 * True for values that may be given to the runtime: tab, 0x20 to 0x7e, 0x80 to 0xff. Its HTTP writer ends the whole
 * process on any other character, and its `Headers` lets control characters through.
 */
export function isSafeHeaderValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if ((c < 0x20 && c !== 0x09) || c === 0x7f || c > 0xff) return false;
  }
  return true;
}

/** True for a name that is an RFC 9110 token. */
export function isSafeHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

export interface SafeHeaders {
  readonly kept: readonly Header[];
  /** What was left out, for the log: names only, shortened and escaped, as values may be secret. */
  readonly dropped: readonly string[];
}

/** Parts the fields that may be sent from those that may not (see {@link isSafeHeaderValue}). */
export function safeHeaders(headers: readonly Header[]): SafeHeaders {
  const kept: Header[] = [];
  const dropped: string[] = [];
  for (const header of headers) {
    if (isSafeHeaderName(header[0]) && isSafeHeaderValue(header[1])) kept.push(header);
    else dropped.push(JSON.stringify(header[0].slice(0, 64)).slice(1, -1));
  }
  return { kept, dropped };
}
