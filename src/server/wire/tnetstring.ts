/**
 * tnetstring (spec 11.1): `<decimal length>:<payload><type>`, the encoding of everything Pushpin says over ZeroMQ that
 * is not JSON.
 *
 * Byte strings stay bytes: a publisher may put anything into a body, and whether it is text is for the reader of the
 * field to say. Dict keys are names and become strings.
 */
import { PushpinError } from "../../errors.ts";

/** What can be written. Strings are written as byte strings in UTF-8; `undefined` members of a record are left out. */
export type TnetWritable =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly TnetWritable[]
  | { readonly [key: string]: TnetWritable | undefined };

/** What is read: byte strings are views into the input, records have no prototype, integers are safe ones. */
export type TnetValue =
  | null
  | boolean
  | number
  | Uint8Array
  | TnetValue[]
  | TnetDict;

export interface TnetDict {
  [key: string]: TnetValue;
}

/** Deep enough for any item a person writes, shallow enough for the stack. */
export const TNET_MAX_DEPTH = 64;

/** The grammar's own bound: a length has at most nine digits. */
const MAX_LENGTH_DIGITS = 9;

const COLON = 0x3a;
const BYTES = 0x2c; // ,
const INTEGER = 0x23; // #
const FLOAT = 0x5e; // ^
const BOOLEAN = 0x21; // !
const NULL = 0x7e; // ~
const LIST = 0x5d; // ]
const DICT = 0x7d; // }

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();

/**
 * Reads exactly one value that fills the input.
 *
 * Byte strings are views: who keeps one keeps the whole input alive, and must not change it. Of two equal keys the
 * later wins.
 *
 * @throws {PushpinError} `PUSHPIN_WIRE_INVALID`, naming the offset: trailing bytes, a length that runs over what holds
 * it, an integer beyond ±(2^53 - 1), a key that is not UTF-8, more than {@link TNET_MAX_DEPTH} levels.
 */
export function decodeTnetstring(input: Uint8Array): TnetValue {
  const reader = new Reader(input);
  const value = reader.value(input.length, 0);
  if (reader.at !== input.length) {
    throw invalid(reader.at, `${input.length - reader.at} bytes after the value`);
  }
  return value;
}

class Reader {
  at = 0;
  readonly #input: Uint8Array;

  constructor(input: Uint8Array) {
    this.#input = input;
  }

  value(end: number, depth: number): TnetValue {
    const input = this.#input;
    const start = this.at;
    const length = this.#length(end);
    const from = this.at;
    const to = from + length;
    if (to >= end) {
      throw invalid(start, `a value of ${length} bytes with ${Math.max(0, end - from - 1)} left to hold it`);
    }
    this.at = to + 1;
    switch (input[to]) {
      case BYTES:
        return input.subarray(from, to);
      case INTEGER:
        return this.#integer(from, to);
      case FLOAT:
        return this.#float(from, to);
      case BOOLEAN: {
        const text = ascii(input, from, to);
        if (text === "true") return true;
        if (text === "false") return false;
        throw invalid(start, `a boolean that is neither "true" nor "false"`);
      }
      case NULL:
        if (length !== 0) throw invalid(start, "a null with a payload");
        return null;
      case LIST: {
        this.#enter(start, depth);
        const list: TnetValue[] = [];
        this.at = from;
        while (this.at < to) list.push(this.value(to, depth + 1));
        this.at = to + 1;
        return list;
      }
      case DICT: {
        this.#enter(start, depth);
        const dict: TnetDict = Object.create(null);
        this.at = from;
        while (this.at < to) {
          const key = this.#key(to);
          if (this.at >= to) throw invalid(this.at, `a dict whose last key "${key}" has no value`);
          dict[key] = this.value(to, depth + 1);
        }
        this.at = to + 1;
        return dict;
      }
      default:
        throw invalid(to, `an unknown type byte 0x${(input[to] ?? 0).toString(16).padStart(2, "0")}`);
    }
  }

  #enter(start: number, depth: number): void {
    if (depth >= TNET_MAX_DEPTH) throw invalid(start, `more than ${TNET_MAX_DEPTH} levels`);
  }

  #length(end: number): number {
    const start = this.at;
    const last = Math.min(end, start + MAX_LENGTH_DIGITS + 1);
    let length = 0;
    for (let i = start; i < last; i++) {
      const byte = this.#input[i] as number;
      if (byte === COLON && i > start) {
        this.at = i + 1;
        return length;
      }
      if (byte < 0x30 || byte > 0x39) break;
      length = length * 10 + byte - 0x30;
    }
    throw invalid(start, `no length of at most ${MAX_LENGTH_DIGITS} digits and ":"`);
  }

  #key(end: number): string {
    const start = this.at;
    const length = this.#length(end);
    const from = this.at;
    const to = from + length;
    if (to >= end) {
      throw invalid(start, `a key of ${length} bytes with ${Math.max(0, end - from - 1)} left to hold it`);
    }
    if (this.#input[to] !== BYTES) throw invalid(start, "a dict key that is not a byte string");
    this.at = to + 1;
    const short = length <= 24 ? asciiOnly(this.#input, from, to) : undefined;
    if (short !== undefined) return short;
    try {
      return strictUtf8.decode(this.#input.subarray(from, to));
    } catch (cause) {
      throw invalid(start, "a dict key that is not UTF-8", cause);
    }
  }

  #integer(from: number, to: number): number {
    const text = ascii(this.#input, from, Math.min(to, from + 32));
    if (to - from > 32 || !/^[+-]?[0-9]+$/.test(text)) {
      throw invalid(from, "an integer that is no decimal number");
    }
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw invalid(from, `the integer ${text}, outside ±(2^53 - 1)`);
    return value === 0 ? 0 : value;
  }

  #float(from: number, to: number): number {
    const text = ascii(this.#input, from, Math.min(to, from + 512));
    if (to - from > 512 || !/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text)) {
      throw invalid(from, "a float that is no decimal number");
    }
    const value = Number(text);
    if (!Number.isFinite(value)) throw invalid(from, "a float beyond what a double can hold");
    return value;
  }
}

/**
 * Writes one value. Safe integers are written as integers, other numbers as floats; record members keep their order.
 *
 * @throws {PushpinError} `PUSHPIN_WIRE_INVALID` for what has no form here: NaN, infinities, bigints, more than
 * {@link TNET_MAX_DEPTH} levels (which is also how a cycle ends).
 */
export function encodeTnetstring(value: TnetWritable): Uint8Array {
  const writer = new BackwardWriter();
  write(writer, value, 0);
  return writer.written();
}

function write(out: BackwardWriter, value: TnetWritable, depth: number): void {
  if (value === null) return out.text("0:~");
  if (typeof value === "string") return writeBytes(out, utf8.encode(value));
  if (value instanceof Uint8Array) return writeBytes(out, value);
  if (typeof value === "boolean") return out.text(value ? "4:true!" : "5:false!");
  if (typeof value === "number") return writeNumber(out, value);
  if (typeof value !== "object") throw unwritable(`a ${typeof value} has no tnetstring form`);
  if (depth >= TNET_MAX_DEPTH) throw unwritable(`more than ${TNET_MAX_DEPTH} levels`);
  out.byte(Array.isArray(value) ? LIST : DICT);
  const before = out.length;
  if (Array.isArray(value)) {
    for (let i = value.length - 1; i >= 0; i--) write(out, value[i], depth + 1);
  } else {
    const entries = Object.entries(value);
    for (let i = entries.length - 1; i >= 0; i--) {
      const [key, member] = entries[i] as [string, TnetWritable | undefined];
      if (member === undefined) continue;
      write(out, member, depth + 1);
      writeBytes(out, utf8.encode(key));
    }
  }
  out.text(`${out.length - before}:`);
}

function writeBytes(out: BackwardWriter, bytes: Uint8Array): void {
  out.byte(BYTES);
  out.bytes(bytes);
  out.text(`${bytes.length}:`);
}

function writeNumber(out: BackwardWriter, value: number): void {
  if (!Number.isFinite(value)) throw unwritable(`${value} has no tnetstring form`);
  const whole = Number.isSafeInteger(value);
  const text = whole ? String(value === 0 ? 0 : value) : String(value);
  out.text(`${text.length}:${text}${whole ? "#" : "^"}`);
}

/**
 * Fills a buffer from its end: a length stands before what it measures, so backwards is the one way to write each byte
 * once.
 */
class BackwardWriter {
  #buffer = new Uint8Array(256);
  #start = 256;

  get length(): number {
    return this.#buffer.length - this.#start;
  }

  byte(byte: number): void {
    this.#room(1);
    this.#buffer[this.#start] = byte;
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#start);
  }

  /** ASCII only. */
  text(text: string): void {
    this.#room(text.length);
    for (let i = 0; i < text.length; i++) this.#buffer[this.#start + i] = text.charCodeAt(i);
  }

  written(): Uint8Array {
    return this.#buffer.slice(this.#start);
  }

  #room(bytes: number): void {
    if (this.#start < bytes) {
      const length = this.length;
      const grown = new Uint8Array(Math.max(this.#buffer.length * 2, length + bytes));
      grown.set(this.#buffer.subarray(this.#start), grown.length - length);
      this.#buffer = grown;
      this.#start = grown.length - length;
    }
    this.#start -= bytes;
  }
}

function ascii(input: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += String.fromCharCode(input[i] as number);
  return text;
}

function asciiOnly(input: Uint8Array, from: number, to: number): string | undefined {
  for (let i = from; i < to; i++) if ((input[i] as number) > 0x7f) return undefined;
  return ascii(input, from, to);
}

function invalid(offset: number, what: string, cause?: unknown): PushpinError {
  return new PushpinError("PUSHPIN_WIRE_INVALID", `Cannot read tnetstring: at byte ${offset}: ${what}`, {
    cause,
  });
}

function unwritable(what: string): PushpinError {
  return new PushpinError("PUSHPIN_WIRE_INVALID", `Cannot write tnetstring: ${what}`);
}
