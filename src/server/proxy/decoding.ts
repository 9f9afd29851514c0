/** Undoing Content-Encoding, for bodies that we must read or add to (spec 1.4: pushed data follows plain data). */

/** The formats by their names in HTTP; `deflate` there is the zlib format (RFC 9110 8.4.1.2). */
const FORMATS: ReadonlyMap<string, string> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  // Not in the Web's standard yet, but in Deno's.
  ["br", "brotli"],
]);

/** True where a Content-Encoding says that bodies are encoded at all. */
export function isEncoded(contentEncoding: string | undefined): contentEncoding is string {
  return contentEncoding !== undefined && !/^(?:[\s,]|identity)*$/i.test(contentEncoding);
}

/**
 * The plain body of an encoded one; reading it throws where the encoding is broken.
 *
 * @returns undefined where one of the encodings is not known.
 */
export function decodeBody(
  body: ReadableStream<Uint8Array>,
  contentEncoding: string,
): ReadableStream<Uint8Array> | undefined {
  const codings = contentEncoding.toLowerCase().split(",").map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding !== "identity");
  if (!codings.every((coding) => FORMATS.has(coding))) return undefined;
  // Listed in the order they were applied (RFC 9110 8.4): the last is undone first.
  return codings.toReversed().reduce((stream, coding) => {
    const decoder = new DecompressionStream(FORMATS.get(coding) as CompressionFormat);
    return stream.pipeThrough(decoder as ReadableWritablePair<Uint8Array, Uint8Array>);
  }, body);
}
