/** A PUSH socket that sends what it is given as fast as the peer takes it. */
import net from "node:net";
import { encodeReady } from "../../src/server/wire/zmtp_commands.ts";
import { encodeMessage } from "../../src/server/wire/zmtp_frames.ts";
import { encodeGreeting, GREETING_BYTES } from "../../src/server/wire/zmtp_greeting.ts";

/** Messages of one write. */
const CHUNK = 200;

/** Sends the message so many times; done when the kernel has taken all. */
export async function pushMany(port: number, message: Uint8Array, count: number): Promise<void> {
  const socket = net.connect({ port, host: "127.0.0.1" });
  const ready = new Promise<void>((resolve, reject) => {
    let read = 0;
    socket.on("error", reject);
    socket.on("data", (bytes: Uint8Array) => {
      const before = read;
      read += bytes.length;
      if (before < GREETING_BYTES && read >= GREETING_BYTES) socket.write(encodeReady("PUSH"));
      // Whatever comes behind the greeting is the peer's READY: these peers say nothing else.
      if (read > GREETING_BYTES) resolve();
    });
  });
  socket.on("connect", () => socket.write(encodeGreeting(0)));
  await ready;
  const one = encodeMessage([message]);
  const many = new Uint8Array(one.length * CHUNK);
  for (let i = 0; i < CHUNK; i++) many.set(one, i * one.length);
  for (let left = count; left > 0; left -= CHUNK) {
    const bytes = left >= CHUNK ? many : many.subarray(0, left * one.length);
    if (!socket.write(bytes)) await new Promise<void>((resolve) => socket.once("drain", resolve));
  }
  await new Promise<void>((resolve) => socket.end(() => resolve()));
}
