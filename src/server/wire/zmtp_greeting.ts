/**
 * The first 64 bytes of a ZMTP 3 connection (RFC 23 and RFC 37, "greeting"): who speaks which version with which
 * mechanism. The codec is told what has arrived so far and refuses at the first byte that cannot be right, so that a
 * stranger (an HTTP client, a port scanner) is recognised without waiting for 64 bytes it will never send.
 */
import { PushpinError } from "../../errors.ts";

export const GREETING_BYTES = 64;

/** The only mechanism we speak: no authentication, no encryption. */
export const NULL_MECHANISM = "NULL";

const MAJOR = 3;
const MECHANISM_AT = 12;
const MECHANISM_BYTES = 20;
const AS_SERVER_AT = 32;

/** Which 3.x a side speaks. 3.1 adds PING, PONG and subscriptions as commands. */
export type ZmtpMinor = 0 | 1;

export interface ZmtpGreeting {
  readonly minor: ZmtpMinor;
  readonly mechanism: string;
  readonly asServer: boolean;
}

/**
 * The 64 bytes both sides send at once. The signature is the one libzmq sends, which ZMTP 1.0 peers read as an
 * anonymous identity.
 */
export function encodeGreeting(minor: ZmtpMinor): Uint8Array {
  const greeting = new Uint8Array(GREETING_BYTES);
  greeting[0] = 0xff;
  greeting[8] = 0x01;
  greeting[9] = 0x7f;
  greeting[10] = MAJOR;
  greeting[11] = minor;
  for (let i = 0; i < NULL_MECHANISM.length; i++) greeting[MECHANISM_AT + i] = NULL_MECHANISM.charCodeAt(i);
  return greeting;
}

/**
 * Reads a greeting from everything that has arrived; undefined while more is needed. Bytes after the 64th are not
 * looked at. A peer of a later 3.x is answered as 3.1, as the RFC asks.
 *
 * @throws {PushpinError} `PUSHPIN_WIRE_INVALID` as soon as it is no ZMTP 3 greeting, or names another mechanism than
 * NULL.
 */
export function decodeGreeting(arrived: Uint8Array): ZmtpGreeting | undefined {
  if (arrived.length > 0 && arrived[0] !== 0xff) {
    throw invalid(`the first byte is ${hex(arrived[0])}, not ZeroMQ's 0xff`);
  }
  if (arrived.length > 9 && ((arrived[9] as number) & 0x01) === 0) {
    throw invalid("the signature is not ZeroMQ's");
  }
  if (arrived.length > 10 && (arrived[10] as number) < MAJOR) {
    throw invalid(`the peer speaks ZMTP revision ${arrived[10]}, we speak ${MAJOR}.0 and ${MAJOR}.1`);
  }
  if (arrived.length < GREETING_BYTES) return undefined;
  const mechanism = mechanismOf(arrived.subarray(MECHANISM_AT, MECHANISM_AT + MECHANISM_BYTES));
  if (mechanism !== NULL_MECHANISM) {
    throw invalid(`the peer wants security mechanism "${mechanism}", we speak only "${NULL_MECHANISM}"`);
  }
  const minor = arrived[10] === MAJOR && arrived[11] === 0 ? 0 : 1;
  return { minor, mechanism, asServer: arrived[AS_SERVER_AT] === 1 };
}

/** Printable whatever the peer sent: the text goes into a log line. */
function mechanismOf(field: Uint8Array): string {
  const end = field.indexOf(0);
  let text = "";
  for (const byte of end === -1 ? field : field.subarray(0, end)) {
    text += byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?";
  }
  return text;
}

function hex(byte: number | undefined): string {
  return `0x${(byte ?? 0).toString(16).padStart(2, "0")}`;
}

function invalid(what: string): PushpinError {
  return new PushpinError("PUSHPIN_WIRE_INVALID", `Cannot read ZMTP greeting: ${what}`);
}
