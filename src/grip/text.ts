/**
 * Text and bytes. Header values are latin-1 strings that stand for bytes; names of channels, ids and meta are text.
 * A channel named "é" in a header (two UTF-8 bytes, so two latin-1 characters) and in a JSON item is one channel.
 */

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const looseDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The bytes of a text, UTF-8. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of UTF-8 bytes; undefined where they are not UTF-8. A byte order mark is kept. */
export function strictText(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined; // the one failure a fatal decoder has: not UTF-8
  }
}

/** The text of bytes that should be UTF-8; what is not becomes U+FFFD. */
export function looseText(bytes: Uint8Array): string {
  return looseDecoder.decode(bytes);
}

/** The bytes a latin-1 string stands for; a character above U+00FF loses its high byte. */
export function latin1Bytes(value: string): Uint8Array {
  const out = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i++) out[i] = value.charCodeAt(i);
  return out;
}

/** The latin-1 string of bytes. */
export function latin1String(bytes: Uint8Array): string {
  let out = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    out += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return out;
}

/** The text in a header value: its bytes as UTF-8, or the value as it is where they are not UTF-8. */
export function textFromHeader(value: string): string {
  if (isAscii(value)) return value;
  return strictText(latin1Bytes(value)) ?? value;
}

/** The header value for a text: its UTF-8 bytes as a latin-1 string. */
export function headerFromText(text: string): string {
  return isAscii(text) ? text : latin1String(utf8(text));
}

function isAscii(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 0x7f) return false;
  return true;
}
