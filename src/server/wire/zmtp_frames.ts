/**
 * ZMTP 3 frames (RFC 23): `flags, size, body`, the size one byte or, for long frames, eight.
 *
 * The decoder is fed chunks as they come off a socket and asked for one message or command at a time, so that a reader
 * whose queue is full can stop in the middle of a chunk. Bodies that lie whole in a chunk are views of it; only a body
 * that spans chunks is copied, into a buffer that grows with what is there: what a peer announces costs nothing until
 * it arrives.
 */
import { PushpinError } from "../../errors.ts";

export const FRAME_MORE = 0x01;
const FRAME_LONG = 0x02;
export const FRAME_COMMAND = 0x04;
const FRAME_RESERVED = 0xf8;
const SHORT_HEAD_BYTES = 2;
const LONG_HEAD_BYTES = 9;
const MIN_SPAN_BYTES = 4096;

/** What a peer may make us hold. Sizes are in bytes. */
export interface ZmtpLimits {
  readonly maxFrameBytes: number;
  /** All parts together. */
  readonly maxMessageBytes: number;
  readonly maxMessageParts: number;
  readonly maxCommandBytes: number;
}

export const DEFAULT_ZMTP_LIMITS: ZmtpLimits = {
  maxFrameBytes: 64 * 1024 * 1024,
  maxMessageBytes: 64 * 1024 * 1024,
  maxMessageParts: 1024,
  maxCommandBytes: 64 * 1024,
};

/** The parts of one message, at least one. */
export type ZmtpMessage = readonly Uint8Array[];

/** A command frame, not yet read. */
export interface ZmtpCommandFrame {
  readonly command: Uint8Array;
}

/** One frame: head and a copy of the body. */
export function encodeFrame(body: Uint8Array, flags: number): Uint8Array {
  const frame = new Uint8Array(headBytes(body.length) + body.length);
  writeFrame(frame, 0, body, flags);
  return frame;
}

/** All frames of a message in one buffer, to be encoded once and written to every peer. */
export function encodeMessage(parts: ZmtpMessage): Uint8Array {
  let bytes = 0;
  for (const part of parts) bytes += headBytes(part.length) + part.length;
  const out = new Uint8Array(bytes);
  const last = parts.length - 1;
  let at = 0;
  for (let i = 0; i <= last; i++) at = writeFrame(out, at, parts[i] as Uint8Array, i < last ? FRAME_MORE : 0);
  return out;
}

function headBytes(bodyBytes: number): number {
  return bodyBytes > 255 ? LONG_HEAD_BYTES : SHORT_HEAD_BYTES;
}

function writeFrame(out: Uint8Array, at: number, body: Uint8Array, flags: number): number {
  if (body.length > 255) {
    out[at] = flags | FRAME_LONG;
    const view = new DataView(out.buffer, out.byteOffset + at + 1, 8);
    view.setUint32(0, Math.floor(body.length / 0x1_0000_0000));
    view.setUint32(4, body.length >>> 0);
    at += LONG_HEAD_BYTES;
  } else {
    out[at] = flags;
    out[at + 1] = body.length;
    at += SHORT_HEAD_BYTES;
  }
  out.set(body, at);
  return at + body.length;
}

/**
 * Takes a connection's bytes after the greeting apart. After a throw it is of no further use, like the connection.
 * Commands between the parts of a message are let through: libzmq's heartbeats come there.
 */
export class ZmtpDecoder {
  readonly #limits: ZmtpLimits;
  #chunk = new Uint8Array(0);
  #at = 0;
  readonly #head = new Uint8Array(LONG_HEAD_BYTES);
  #headHave = 0;
  /** -1 while a head is being read. */
  #bodyBytes = -1;
  #flags = 0;
  /** The body so far of a frame that spans chunks, in a buffer that doubles. */
  #spanned = new Uint8Array(0);
  #spannedBytes = 0;
  #parts: Uint8Array[] = [];
  #messageBytes = 0;

  constructor(limits: ZmtpLimits = DEFAULT_ZMTP_LIMITS) {
    this.#limits = limits;
  }

  /** True between messages, with nothing half read: where a connection may end without loss. */
  get idle(): boolean {
    return this.#at === this.#chunk.length && this.#headHave === 0 && this.#bodyBytes === -1 &&
      this.#parts.length === 0;
  }

  /** Hands a chunk over; its bytes must not change afterwards. Ask {@link next} until undefined before the next one. */
  push(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) {
      const rest = this.#chunk.subarray(this.#at);
      const joined = new Uint8Array(rest.length + chunk.length);
      joined.set(rest);
      joined.set(chunk, rest.length);
      chunk = joined;
    }
    this.#chunk = chunk as Uint8Array<ArrayBuffer>;
    this.#at = 0;
  }

  /**
   * The next whole message or command; undefined where more bytes are needed.
   *
   * @throws {PushpinError} `PUSHPIN_WIRE_INVALID` for reserved flags and for what is over a limit, before its body is
   * kept.
   */
  next(): ZmtpMessage | ZmtpCommandFrame | undefined {
    for (;;) {
      if (this.#bodyBytes === -1 && !this.#readHead()) return undefined;
      const body = this.#readBody();
      if (body === undefined) return undefined;
      this.#bodyBytes = -1;
      if ((this.#flags & FRAME_COMMAND) !== 0) return { command: body };
      this.#parts.push(body);
      if ((this.#flags & FRAME_MORE) !== 0) continue;
      const message = this.#parts;
      this.#parts = [];
      this.#messageBytes = 0;
      return message;
    }
  }

  #readHead(): boolean {
    const chunk = this.#chunk;
    // Nearly every head of a busy connection lies whole in a chunk and is short.
    if (this.#headHave === 0 && chunk.length - this.#at >= SHORT_HEAD_BYTES) {
      const flags = chunk[this.#at] as number;
      if ((flags & (FRAME_LONG | FRAME_RESERVED)) === 0) {
        const bytes = chunk[this.#at + 1] as number;
        this.#at += SHORT_HEAD_BYTES;
        this.#begin(flags, bytes);
        return true;
      }
    }
    while (this.#at < chunk.length) {
      this.#head[this.#headHave++] = chunk[this.#at++] as number;
      const flags = this.#head[0] as number;
      if ((flags & FRAME_RESERVED) !== 0) {
        throw invalid(`reserved flag bits are set: 0x${flags.toString(16).padStart(2, "0")}`);
      }
      const long = (flags & FRAME_LONG) !== 0;
      if (this.#headHave < (long ? LONG_HEAD_BYTES : SHORT_HEAD_BYTES)) continue;
      this.#headHave = 0;
      this.#begin(flags, long ? longSize(this.#head) : this.#head[1] as number);
      return true;
    }
    return false;
  }

  #begin(flags: number, bytes: number): void {
    const { maxFrameBytes, maxMessageBytes, maxMessageParts, maxCommandBytes } = this.#limits;
    if ((flags & FRAME_COMMAND) !== 0) {
      if ((flags & FRAME_MORE) !== 0) throw invalid("a command frame says that more follows");
      if (bytes > maxCommandBytes) {
        throw invalid(`a command of ${bytes} bytes, over the limit of ${maxCommandBytes}`);
      }
    } else {
      if (bytes > maxFrameBytes) {
        throw invalid(`a frame of ${bytes} bytes, over the limit of ${maxFrameBytes}`);
      }
      this.#messageBytes += bytes;
      if (this.#messageBytes > maxMessageBytes) {
        throw invalid(
          `a message of ${this.#messageBytes} bytes or more, over the limit of ${maxMessageBytes}`,
        );
      }
      if (this.#parts.length >= maxMessageParts) throw invalid(`a message of over ${maxMessageParts} parts`);
    }
    this.#flags = flags;
    this.#bodyBytes = bytes;
  }

  #readBody(): Uint8Array | undefined {
    const missing = this.#bodyBytes - this.#spannedBytes;
    const take = Math.min(missing, this.#chunk.length - this.#at);
    const piece = this.#chunk.subarray(this.#at, this.#at + take);
    this.#at += take;
    if (this.#spannedBytes === 0 && take === missing) return piece;
    this.#keep(piece);
    if (take < missing) return undefined;
    const body = this.#spanned.subarray(0, this.#bodyBytes);
    this.#spanned = new Uint8Array(0);
    this.#spannedBytes = 0;
    return body;
  }

  #keep(piece: Uint8Array): void {
    const needed = this.#spannedBytes + piece.length;
    if (needed > this.#spanned.length) {
      const grown = new Uint8Array(
        Math.min(this.#bodyBytes, Math.max(needed, this.#spanned.length * 2, MIN_SPAN_BYTES)),
      );
      grown.set(this.#spanned.subarray(0, this.#spannedBytes));
      this.#spanned = grown;
    }
    this.#spanned.set(piece, this.#spannedBytes);
    this.#spannedBytes = needed;
  }
}

/** 63 bits on the wire; what a double cannot hold exactly is over every limit anyway. */
function longSize(head: Uint8Array): number {
  const view = new DataView(head.buffer, head.byteOffset + 1, 8);
  const high = view.getUint32(0);
  if (high > 0x7fff_ffff) throw invalid("a frame size with its top bit set");
  return high * 0x1_0000_0000 + view.getUint32(4);
}

function invalid(what: string): PushpinError {
  return new PushpinError("PUSHPIN_WIRE_INVALID", `Cannot read ZMTP frame: ${what}`);
}
