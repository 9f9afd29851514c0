/** What the generator reads of bytes: heads, answers, marks. Pure. */
import { MARK } from "./dialect.ts";

const MARK_BYTE = MARK.charCodeAt(0);
const CR = 13;
const LF = 10;
/** Below this a loop is faster than V8's native search. */
const SMALL = 256;
const indexOf = Uint8Array.prototype.indexOf;
const latin1 = new TextDecoder("latin1");

/**
 * How many marks stand in `bytes` from `start` to `end`. Overwrites the byte at `end`, where there is one, with a mark
 * that stops the search.
 */
export function countMarks(bytes: Uint8Array, start: number, end: number): number {
  let marks = 0;
  if (end - start < SMALL) {
    for (let i = start; i < end; i++) if (bytes[i] === MARK_BYTE) marks++;
    return marks;
  }
  if (end < bytes.length) bytes[end] = MARK_BYTE;
  for (
    let at = indexOf.call(bytes, MARK_BYTE, start);
    at >= 0 && at < end;
    at = indexOf.call(bytes, MARK_BYTE, at + 1)
  ) marks++;
  return marks;
}

/** Where the body begins in the first `length` bytes; -1 while the head is not whole. */
export function headEnd(bytes: Uint8Array, length: number): number {
  for (let i = 3; i < length; i++) {
    if (bytes[i] === LF && bytes[i - 1] === CR && bytes[i - 2] === LF && bytes[i - 3] === CR) return i + 1;
  }
  return -1;
}

/** The three digits behind "HTTP/1.1 ". */
export function statusOf(head: Uint8Array): number {
  return (head[9]! - 48) * 100 + (head[10]! - 48) * 10 + head[11]! - 48;
}

/** A copy of `before` and the first `length` bytes behind it. */
export function joined(before: Uint8Array | undefined, bytes: Uint8Array, length: number): Uint8Array {
  if (before === undefined) return bytes.slice(0, length);
  const both = new Uint8Array(before.length + length);
  both.set(before);
  both.set(bytes.subarray(0, length), before.length);
  return both;
}

export interface Answer {
  readonly status: number;
  /** The connection takes no further request. */
  readonly close: boolean;
}

/** Reads the answers of one kept connection, each to its end. */
export class AnswerReader {
  #text = "";
  /** Length of an answer that came whole and kept the connection. */
  #usualLength = 0;

  /** @returns the answer when these bytes end it. */
  push(bytes: Uint8Array, length: number): Answer | undefined {
    // Nearly all answers are the one before again: then a length and a status say all.
    if (this.#text === "" && length === this.#usualLength) return { status: statusOf(bytes), close: false };
    this.#text += latin1.decode(bytes.subarray(0, length));
    const head = this.#text.indexOf("\r\n\r\n");
    if (head < 0) return undefined;
    const fields = this.#text.slice(0, head + 2);
    const bodyLength = /\r\ncontent-length: *(\d+)/i.exec(fields)?.[1];
    const complete = bodyLength === undefined
      ? this.#text.endsWith("0\r\n\r\n")
      : this.#text.length >= head + 4 + Number(bodyLength);
    if (!complete) return undefined;
    const close = /\r\nconnection: *close/i.test(fields);
    if (!close && bodyLength !== undefined && length === this.#text.length) this.#usualLength = length;
    this.#text = "";
    return { status: Number(fields.slice(9, 12)), close };
  }

  /** A new connection begins; what the old one left is of no use. */
  restart(): void {
    this.#text = "";
  }
}
