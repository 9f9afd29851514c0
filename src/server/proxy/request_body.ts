/**
 * A request's body on its way to the origin (spec 1.8). Small ones are read whole: they can be sent to the next target
 * and again for a retry. Large ones stream, the origin's pace holding the client back.
 */
import type { ClientRequest } from "../edge/client_request.ts";
import { concat, readUpTo } from "../origin/body.ts";

/** What a hold may have to send again is kept up to this size. */
export const MAX_REPLAY_BYTES = 100_000;
/** How much of a body without a length is read before the origin is asked. */
export const PREFETCH_BYTES = 10_000;

export type RequestBody =
  /** GET, HEAD and OPTIONS without a body: no length is sent. */
  | { readonly kind: "none" }
  /** All of it; may be sent any number of times. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Can be sent once. `replay` gives all of it, where that was little enough and has been sent completely. */
  | {
    readonly kind: "stream";
    readonly stream: ReadableStream<Uint8Array>;
    readonly replay: () => Uint8Array<ArrayBuffer> | undefined;
  };

const NO_BYTES = new Uint8Array(0);
/** Methods for which a length of 0 is left out (spec 1.8); others say that they have no body. */
const LENGTHLESS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Takes the body of a client's request, once.
 *
 * @throws what reading throws: the client went away before the end.
 */
export function takeRequestBody(client: ClientRequest): RequestBody | Promise<RequestBody> {
  if (client.readBody === undefined) return withoutBody(client.method);
  if (client.bodyLength === undefined) return takeUnmeasured(client);
  if (client.bodyLength <= MAX_REPLAY_BYTES) {
    return client.readBody().then((bytes) => ({ kind: "bytes", bytes }));
  }
  // Untouched: only then does the runtime keep its length and move the bytes without JavaScript.
  const { body } = client;
  return body === undefined
    ? withoutBody(client.method)
    : { kind: "stream", stream: body, replay: () => undefined };
}

/** The body of a request that is made again, or by us. */
export function keptRequestBody(method: string, kept: Uint8Array | undefined): RequestBody {
  return kept === undefined ? withoutBody(method) : { kind: "bytes", bytes: new Uint8Array(kept) };
}

function withoutBody(method: string): RequestBody {
  return LENGTHLESS.has(method) ? { kind: "none" } : { kind: "bytes", bytes: NO_BYTES };
}

async function takeUnmeasured(client: ClientRequest): Promise<RequestBody> {
  const first = await readUpTo(client.body, PREFETCH_BYTES);
  if (first.complete) return { kind: "bytes", bytes: first.bytes };
  const kept = new BodyCopy(MAX_REPLAY_BYTES);
  return { kind: "stream", stream: first.rest.pipeThrough(kept.passing()), replay: () => kept.whole() };
}

/** Remembers what passes, until it is too much. */
class BodyCopy {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #length = 0;
  #ended = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  passing(): TransformStream<Uint8Array, Uint8Array> {
    return new TransformStream({
      transform: (chunk, controller) => {
        this.#length += chunk.byteLength;
        if (this.#length <= this.#maxBytes) this.#chunks.push(chunk);
        else this.#chunks = [];
        controller.enqueue(chunk);
      },
      flush: () => {
        this.#ended = true;
      },
    });
  }

  whole(): Uint8Array<ArrayBuffer> | undefined {
    return this.#ended && this.#length <= this.#maxBytes ? concat(this.#chunks, this.#length) : undefined;
  }
}
