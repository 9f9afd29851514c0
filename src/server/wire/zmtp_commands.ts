/**
 * The commands of ZMTP 3.0 and 3.1 with the NULL mechanism: the bodies of command frames, both ways (RFC 23, RFC 37).
 */
import { PushpinError } from "../../errors.ts";
import { encodeFrame, FRAME_COMMAND } from "./zmtp_frames.ts";

export type ZmtpCommand =
  /** Names are lower-cased: the RFC compares them without case. */
  | { readonly name: "READY"; readonly properties: ReadonlyMap<string, Uint8Array> }
  | { readonly name: "ERROR"; readonly reason: string }
  /** `ttlMs` 0 means that the peer asks for no limit on silence. */
  | { readonly name: "PING"; readonly ttlMs: number; readonly context: Uint8Array }
  | { readonly name: "PONG"; readonly context: Uint8Array }
  | { readonly name: "SUBSCRIBE" | "CANCEL"; readonly topic: Uint8Array }
  /** To be ignored by whoever does not know it. */
  | { readonly name: "unknown"; readonly called: string };

/** RFC 37: the context of a PING. */
const MAX_PING_CONTEXT_BYTES = 16;
/** The ttl of a PING counts tenths of a second in 16 bits. */
const TTL_UNIT_MS = 100;

/**
 * Reads the body of a command frame.
 *
 * @throws {PushpinError} `PUSHPIN_WIRE_INVALID`, naming the command where it has a name.
 */
export function decodeCommand(body: Uint8Array): ZmtpCommand {
  const nameBytes = body[0];
  if (nameBytes === undefined || nameBytes === 0) throw invalid("command", "it has no name");
  if (body.length < 1 + nameBytes) throw invalid("command", "its name runs over its frame");
  const name = printable(body.subarray(1, 1 + nameBytes));
  const data = body.subarray(1 + nameBytes);
  switch (name) {
    case "READY":
      return { name, properties: decodeProperties(data) };
    case "ERROR": {
      const length = data[0];
      if (length === undefined || data.length < 1 + length) {
        throw invalid(name, "its reason runs over its frame");
      }
      return { name, reason: printable(data.subarray(1, 1 + length)) };
    }
    case "PING":
      if (data.length < 2) throw invalid(name, "it has no ttl");
      if (data.length > 2 + MAX_PING_CONTEXT_BYTES) {
        throw invalid(name, `its context is over ${MAX_PING_CONTEXT_BYTES} bytes`);
      }
      return {
        name,
        ttlMs: (((data[0] as number) << 8) | (data[1] as number)) * TTL_UNIT_MS,
        context: data.subarray(2),
      };
    case "PONG":
      return { name, context: data };
    case "SUBSCRIBE":
    case "CANCEL":
      return { name, topic: data };
    default:
      return { name: "unknown", called: name };
  }
}

function decodeProperties(data: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const properties = new Map<string, Uint8Array>();
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  while (at < data.length) {
    const nameBytes = data[at] as number;
    const valueAt = at + 1 + nameBytes + 4;
    if (nameBytes === 0 || valueAt > data.length) {
      throw invalid("READY", "a property's name runs over its frame");
    }
    const valueBytes = view.getUint32(at + 1 + nameBytes);
    if (valueBytes > data.length - valueAt) throw invalid("READY", "a property's value runs over its frame");
    properties.set(
      printable(data.subarray(at + 1, at + 1 + nameBytes)).toLowerCase(),
      data.subarray(valueAt, valueAt + valueBytes),
    );
    at = valueAt + valueBytes;
  }
  return properties;
}

/** The READY frame: `Socket-Type` and, where given, `Identity` (at most 255 bytes). */
export function encodeReady(socketType: string, identity?: Uint8Array): Uint8Array {
  const parts = [property("Socket-Type", latin1(socketType))];
  if (identity !== undefined) parts.push(property("Identity", identity));
  return encodeCommand("READY", joined(parts));
}

/** The ERROR frame; the reason is cut at 255 bytes, which is what the protocol carries. */
export function encodeError(reason: string): Uint8Array {
  const bytes = latin1(reason.slice(0, 255));
  return encodeCommand("ERROR", joined([Uint8Array.of(bytes.length), bytes]));
}

/** The PING frame; `ttlMs` is rounded up to tenths of a second, at most 6553.5 s. */
export function encodePing(ttlMs: number, context: Uint8Array = new Uint8Array(0)): Uint8Array {
  const tenths = Math.min(0xffff, Math.max(0, Math.ceil(ttlMs / TTL_UNIT_MS)));
  return encodeCommand(
    "PING",
    joined([Uint8Array.of(tenths >> 8, tenths & 0xff), context.subarray(0, MAX_PING_CONTEXT_BYTES)]),
  );
}

/** The answer to a PING, which repeats its context. */
export function encodePong(context: Uint8Array): Uint8Array {
  return encodeCommand("PONG", context);
}

/**
 * A subscription frame in the words of the version both sides speak: a command in 3.1, a message of `\x01`/`\x00` and
 * the topic in 3.0.
 */
export function encodeSubscription(topic: Uint8Array, wanted: boolean, minor: 0 | 1): Uint8Array {
  if (minor === 1) return encodeCommand(wanted ? "SUBSCRIBE" : "CANCEL", topic);
  return encodeFrame(joined([Uint8Array.of(wanted ? 1 : 0), topic]), 0);
}

function encodeCommand(name: string, data: Uint8Array): Uint8Array {
  return encodeFrame(joined([Uint8Array.of(name.length), latin1(name), data]), FRAME_COMMAND);
}

function property(name: string, value: Uint8Array): Uint8Array {
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, value.length);
  return joined([Uint8Array.of(name.length), latin1(name), size, value]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff);
}

/** Peers' words go into log lines, so only printable ASCII passes. */
function printable(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?";
  return text;
}

function invalid(what: string, why: string): PushpinError {
  return new PushpinError("PUSHPIN_WIRE_INVALID", `Cannot read ZMTP ${what}: ${why}`);
}
