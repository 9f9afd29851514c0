/** Reading the other side's greeting off a connection. */
import { decodeGreeting, GREETING_BYTES, type ZmtpMinor } from "../wire/zmtp_greeting.ts";

/** What of the handshake may have come with the greeting in one read. */
const BYTES_AFTER = 4096;

/**
 * The greeting's version and the bytes that came after it; `silent` where the peer left without a word (a port check,
 * worth no line), `cut` where it left in the middle.
 *
 * @throws {PushpinError} `PUSHPIN_WIRE_INVALID` as soon as it can be no greeting.
 */
export async function readGreeting(
  conn: Deno.Conn,
): Promise<{ readonly minor: ZmtpMinor; readonly rest: Uint8Array } | "silent" | "cut"> {
  const buffer = new Uint8Array(GREETING_BYTES + BYTES_AFTER);
  for (let have = 0;;) {
    const count = await conn.read(buffer.subarray(have));
    if (count === null) return have === 0 ? "silent" : "cut";
    have += count;
    const greeting = decodeGreeting(buffer.subarray(0, have));
    if (greeting !== undefined) return { minor: greeting.minor, rest: buffer.subarray(GREETING_BYTES, have) };
  }
}
