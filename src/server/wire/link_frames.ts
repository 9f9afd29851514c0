/**
 * How messages of the link lie on a byte stream. A frame is a JSON head followed by byte segments, so that bodies
 * travel as they are, without base64:
 *
 *     u32 length of the rest │ u8 kind │ u32 head length │ head, UTF-8 JSON │ { u32 length │ bytes } …
 *
 * Numbers are big-endian. The layout of "hello" and "refuse" frames never changes between versions: they are how two
 * versions tell each other that they differ. Pure: bytes in, frames out.
 */
import { PushpinError } from "../../errors.ts";

/** What a frame is for; its index is the byte on the wire. */
export const FRAME_KINDS = ["heartbeat", "hello", "proof", "refuse", "message"] as const;
export type FrameKind = (typeof FRAME_KINDS)[number];

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface LinkFrame {
  readonly kind: FrameKind;
  readonly head: Json;
  /** Own copies: nothing else reads or writes them. */
  readonly segments: readonly Uint8Array[];
}

/** A frame longer than this is a broken or hostile peer: the largest body that any door lets in is far below. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;

const PREFIX_BYTES = 4;
const FIXED_BYTES = 5;
/** One large item shall not cost its memory for ever. */
const KEPT_BUFFER_BYTES = 1024 * 1024;

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The bytes of one frame.
 * @throws {PushpinError} `PUSHPIN_WIRE_INVALID` where they would be more than `maxBytes`.
 */
export function encodeFrame(
  kind: FrameKind,
  head: Json,
  segments: readonly Uint8Array[] = [],
  maxBytes: number = MAX_FRAME_BYTES,
): Uint8Array<ArrayBuffer> {
  const headBytes = utf8.encode(JSON.stringify(head));
  let length = FIXED_BYTES + headBytes.length;
  for (const segment of segments) length += 4 + segment.length;
  if (length > maxBytes) throw tooLong(length, maxBytes);
  const bytes = new Uint8Array(PREFIX_BYTES + length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  bytes[4] = FRAME_KINDS.indexOf(kind);
  view.setUint32(5, headBytes.length);
  bytes.set(headBytes, 9);
  let at = 9 + headBytes.length;
  for (const segment of segments) {
    view.setUint32(at, segment.length);
    bytes.set(segment, at + 4);
    at += 4 + segment.length;
  }
  return bytes;
}

/** Cuts a byte stream into frames, however it was cut into chunks. After a throw it is of no more use. */
export class FrameDecoder {
  #maxBytes: number;
  /** What has come and is no whole frame yet; `#have` of it is filled. Grows to the frame's announced length. */
  #buffer = new Uint8Array(64 * 1024);
  #have = 0;

  constructor(maxBytes: number = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Lifts the limit to the usual one, once the peer has shown who it is. */
  allowLongFrames(): void {
    this.#maxBytes = MAX_FRAME_BYTES;
  }

  /** Bytes of a frame begun and not finished. */
  get pending(): number {
    return this.#have;
  }

  /**
   * Takes the next bytes, which the caller may reuse afterwards, and returns the frames that they complete.
   * @throws {PushpinError} `PUSHPIN_WIRE_INVALID` at the first byte that no frame has.
   */
  push(chunk: Uint8Array): LinkFrame[] {
    this.#append(chunk);
    const frames: LinkFrame[] = [];
    let at = 0;
    while (this.#have - at >= PREFIX_BYTES) {
      const view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset + at, this.#have - at);
      const length = view.getUint32(0);
      if (length > this.#maxBytes) throw tooLong(length, this.#maxBytes);
      if (length < FIXED_BYTES) {
        throw invalid(`the frame announces ${length} bytes, fewer than ${FIXED_BYTES}`);
      }
      if (view.byteLength < PREFIX_BYTES + length) break;
      const start = at + PREFIX_BYTES;
      frames.push(decodeFrame(this.#buffer.subarray(start, start + length)));
      at = start + length;
    }
    this.#buffer.copyWithin(0, at, this.#have);
    this.#have -= at;
    if (this.#have === 0 && this.#buffer.length > KEPT_BUFFER_BYTES) this.#buffer = new Uint8Array(64 * 1024);
    return frames;
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#have + chunk.length;
    if (needed > this.#buffer.length) {
      // Doubling, so that a large frame in many small chunks is not copied once for each.
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, this.#have));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#have);
    this.#have = needed;
  }
}

function decodeFrame(bytes: Uint8Array): LinkFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kind = FRAME_KINDS[view.getUint8(0)];
  if (kind === undefined) throw invalid(`unknown frame kind ${view.getUint8(0)}`);
  const headLength = view.getUint32(1);
  let at = FIXED_BYTES + headLength;
  if (at > bytes.length) throw invalid(`the head announces ${headLength} bytes, the frame has fewer`);
  const head = decodeHead(bytes.subarray(FIXED_BYTES, at));
  const segments: Uint8Array[] = [];
  while (at < bytes.length) {
    if (bytes.length - at < 4) throw invalid("a segment's length is cut off");
    const end = at + 4 + view.getUint32(at);
    if (end > bytes.length) throw invalid("a segment goes beyond its frame");
    segments.push(bytes.slice(at + 4, end));
    at = end;
  }
  return { kind, head, segments };
}

function decodeHead(bytes: Uint8Array): Json {
  try {
    const head: Json = JSON.parse(strictUtf8.decode(bytes));
    return head;
  } catch (cause) {
    throw invalid("the head is not JSON in UTF-8", cause);
  }
}

function invalid(what: string, cause?: unknown): PushpinError {
  return new PushpinError("PUSHPIN_WIRE_INVALID", `Cannot read link frame: ${what}`, { cause });
}

function tooLong(length: number, maxBytes: number): PushpinError {
  return new PushpinError(
    "PUSHPIN_WIRE_INVALID",
    `Cannot carry link frame: ${length} bytes are more than the limit of ${maxBytes}`,
  );
}
