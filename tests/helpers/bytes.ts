/** Byte strings as HTTP has them: one character a byte. TextDecoder("latin1") is windows-1252 and will not do. */

/** One byte for each character; characters over 0xff are refused. */
export function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) throw new RangeError(`Not a byte string: "${text[i]}" at ${i}`);
    out[i] = code;
  }
  return out;
}

/** One character for each byte. */
export function latin1Text(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i += 8192) out += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return out;
}

/** Strings are sent as they are, a byte for each character; for UTF-8 pass `new TextEncoder().encode(text)`. */
export function toBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? latin1Bytes(data) : data;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Where `needle` begins in `bytes` at or after `from`, or -1. */
export function indexOfBytes(bytes: Uint8Array, needle: Uint8Array, from = 0): number {
  outer: for (let i = from; i + needle.length <= bytes.length; i++) {
    for (let j = 0; j < needle.length; j++) if (bytes[i + j] !== needle[j]) continue outer;
    return i;
  }
  return -1;
}

/** Writes all of it: one `write` may take only a part. */
export async function writeAll(
  conn: { write(p: Uint8Array): Promise<number> },
  data: Uint8Array,
): Promise<void> {
  for (let at = 0; at < data.length;) at += await conn.write(data.subarray(at));
}
