/** Base64 as GRIP clients send it, which is not always base64. */

const SKIP = 64;
const digits = new Uint8Array(128).fill(SKIP);
for (const [i, c] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries()) {
  digits[c.charCodeAt(0)] = i;
}
digits["-".charCodeAt(0)] = 62;
digits["_".charCodeAt(0)] = 63;

/**
 * Decodes base64, leniently: line breaks, padding wherever it stands, and all other characters outside the alphabet are
 * skipped, missing padding is fine, bits that fill no byte are dropped. Never fails. The Ruby library wraps its lines and
 * the Go library sends raw bytes under this name; the original's decoder took both, and what it made of them is kept. The
 * URL-safe digits "-" and "_" count as digits as well.
 */
export function decodeBase64Leniently(text: string): Uint8Array {
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let length = 0;
  let bits = 0;
  let bitCount = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = digits[text.charCodeAt(i)] ?? SKIP;
    if (digit === SKIP) continue;
    bits = (bits << 6) | digit;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      out[length++] = bits >> bitCount;
      bits &= (1 << bitCount) - 1;
    }
  }
  return out.slice(0, length);
}
