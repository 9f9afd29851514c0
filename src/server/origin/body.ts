/** Reading bodies up to a limit without losing what was read when the limit is met. */

/** What `readUpTo` found. */
export type Collected =
  | { readonly complete: true; readonly bytes: Uint8Array<ArrayBuffer> }
  /** `rest` begins with what was read already; read it or cancel it. */
  | { readonly complete: false; readonly rest: ReadableStream<Uint8Array> };

/**
 * Reads a body that should be small.
 *
 * @returns all of it where it is at most `maxBytes` long, else a stream of all of it.
 * @throws what reading throws: the sender went away.
 */
export async function readUpTo(
  body: ReadableStream<Uint8Array> | null | undefined,
  maxBytes: number,
): Promise<Collected> {
  if (body === null || body === undefined) return { complete: true, bytes: new Uint8Array(0) };
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { complete: true, bytes: concat(chunks, length) };
    chunks.push(value);
    length += value.byteLength;
    if (length > maxBytes) return { complete: false, rest: resume(chunks, reader) };
  }
}

/** A stream of chunks in hand and then of what a reader still has; pulls, so the sender is held back. */
export function resume(
  chunks: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = chunks[next];
      if (chunk !== undefined) {
        next++;
        controller.enqueue(chunk);
        return;
      }
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** One piece of all chunks; `length` is their sum, where the caller has it already. */
export function concat(
  chunks: readonly Uint8Array[],
  length = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0),
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
