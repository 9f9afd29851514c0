declare module "@std/text/closest-string" {
  /** The word of a non-empty list that is fewest edits away. @throws {TypeError} on an empty list. */
  export function closestString(givenWord: string, possibleWords: readonly string[]): string;
}

declare module "@std/text/levenshtein-distance" {
  export function levenshteinDistance(a: string, b: string): number;
}

declare module "@std/toml" {
  /** @throws {SyntaxError} */
  export function parse(text: string): Record<string, unknown>;
}

declare module "@std/http/status" {
  /** Phrases by code, for the codes that have one. */
  export const STATUS_TEXT: Readonly<Record<number, string | undefined>>;
}

declare module "@std/encoding/base64" {
  export function encodeBase64(data: ArrayBuffer | Uint8Array | string): string;
  /** @throws {TypeError} on anything that is not exact base64 */
  export function decodeBase64(b64: string): Uint8Array;
}
