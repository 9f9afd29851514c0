/** One message to a PULL socket over ZMTP 3.0, NULL mechanism: just enough of a client, and independent of the program's own. */
import { concatBytes, latin1Bytes, writeAll } from "../helpers/bytes.ts";
import { WireReader } from "../helpers/wire_reader.ts";

const GREETING_LENGTH = 64;

/** Sends `message` as a single frame from a PUSH socket and closes. */
export async function pushOnce(port: number, message: Uint8Array): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const reader = new WireReader(conn);
  try {
    await writeAll(conn, greeting());
    await reader.take(GREETING_LENGTH, "a ZMTP greeting");
    await writeAll(conn, readyCommand("PUSH"));
    const [flags, length] = await reader.take(2, "a ZMTP command header") as unknown as [number, number];
    if ((flags & 4) === 0) throw new Error(`Not a ZMTP command: flags ${flags}`);
    await reader.take(length, "the READY command");
    await writeAll(conn, frame(message));
  } finally {
    await reader.close();
  }
}

function greeting(): Uint8Array {
  const out = new Uint8Array(GREETING_LENGTH);
  out[0] = 0xff;
  out[9] = 0x7f;
  out[10] = 3;
  out.set(latin1Bytes("NULL"), 12);
  return out;
}

function readyCommand(socketType: string): Uint8Array {
  const value = new Uint8Array([0, 0, 0, socketType.length, ...latin1Bytes(socketType)]);
  const body = concatBytes([latin1Bytes("\x05READY\x0bSocket-Type"), value]);
  return concatBytes([new Uint8Array([4, body.length]), body]);
}

function frame(message: Uint8Array): Uint8Array {
  if (message.length < 256) return concatBytes([new Uint8Array([0, message.length]), message]);
  const head = new Uint8Array(9);
  head[0] = 2;
  new DataView(head.buffer).setBigUint64(1, BigInt(message.length));
  return concatBytes([head, message]);
}
