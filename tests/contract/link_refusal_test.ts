/** Who may not join a link over sockets, and that both sides say why. */
import { assertEquals, assertRejects } from "@std/assert";
import { PushpinError } from "../../src/errors.ts";
import { connect, listen, QUICK, tcp0 } from "../helpers/link_ends.ts";
import { recordLog } from "../helpers/log_recorder.ts";
import { encodeFrame } from "../../src/server/wire/link_frames.ts";
import { eventually, within } from "../helpers/wait.ts";

Deno.test("LinkListener.listen() refuses TCP without a secret", async () => {
  await assertRejects(() => listen(tcp0), PushpinError, "a link over TCP needs a secret: set link_secret");
});

Deno.test("LinkConnector and LinkListener of different versions refuse each other and both say so", async () => {
  const handlerLog = recordLog();
  const proxyLog = recordLog();
  await using listener = await listen(tcp0, { secret: "s", log: handlerLog, version: 2 });
  await using connector = connect(listener.address, { secret: "s", log: proxyLog });
  const handlerLine = await eventually(() => handlerLog.find("error", /^Cannot join link/));
  const proxyLine = await eventually(() => proxyLog.find("error", /^Cannot join link/));
  assertEquals(
    handlerLine.message,
    "Cannot join link: this handler speaks version 2, the proxy version 1: run the same release of both",
  );
  assertEquals(
    proxyLine.message,
    "Cannot join link: this proxy speaks version 1, the handler version 2: run the same release of both",
  );
  assertEquals([listener.connected, connector.connected], [0, false]);
});

for (
  const [what, theirs, ours, expected] of [
    ["another secret", "one", "two", /the secrets differ: set the same link_secret on both/],
    ["no secret", "one", undefined, /the handler has a link_secret, the proxy has none/],
  ] as const
) {
  Deno.test(`LinkListener refuses a proxy with ${what}, and both say so`, async () => {
    const handlerLog = recordLog();
    const proxyLog = recordLog();
    await using listener = await listen(tcp0, { secret: theirs, log: handlerLog });
    await using connector = connect(listener.address, { secret: ours, log: proxyLog });
    await eventually(() => handlerLog.find("error", expected), { what: "the handler's line" });
    await eventually(() => proxyLog.find("error", expected), { what: "the proxy's line" });
    assertEquals([listener.connected, connector.connected], [0, false]);
  });
}

Deno.test("LinkConnector refuses a handler that knows the secret's proof only from hearing it", async () => {
  // A stranger on the handler's address sends back what the proxy sent: role and nonces make that worthless.
  const stranger = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const proxyLog = recordLog();
  await using _connector = connect(
    { transport: "tcp", hostname: "127.0.0.1", port: stranger.addr.port },
    { secret: "s", log: proxyLog },
  );
  const conn = await stranger.accept();
  const nonce = "00".repeat(32);
  await conn.write(encodeFrame("hello", { link: 1, role: "handler", name: "stranger", nonce, secret: true }));
  const heard = new Uint8Array(4096);
  let length = 0;
  while (!new TextDecoder().decode(heard.subarray(0, length)).includes("mac")) {
    length += (await conn.read(heard.subarray(length))) ?? 0;
  }
  const mac = /"mac":"([0-9a-f]+)"/.exec(new TextDecoder().decode(heard.subarray(0, length)))![1]!;
  await conn.write(encodeFrame("proof", { mac }));
  await eventually(() => proxyLog.find("error", /the secrets differ/));
  conn.close();
  stranger.close();
});

Deno.test("LinkListener closes what does not greet, and stays open for proxies", async () => {
  const log = recordLog();
  await using listener = await listen(tcp0, { secret: "s", log, timing: { ...QUICK, handshakeMs: 50 } });
  const { address } = listener;
  if (address.transport !== "tcp") throw new Error("not TCP");
  for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "", "\x00\x00\x00\x06\x04\x00\x00\x00\x01x"]) {
    const conn = await Deno.connect({ hostname: address.hostname, port: address.port });
    await conn.write(new TextEncoder().encode(bytes));
    const rest = new Uint8Array(4096);
    await within(
      (async () => {
        try {
          while (await conn.read(rest) !== null);
        } catch {
          // A reset is a close as well.
        }
      })(),
      "the close",
    );
    conn.close();
  }
  assertEquals(log.lines.filter((line) => line.message === "link greeting failed").length, 3);
  await using connector = connect(address, { secret: "s" });
  await eventually(() => connector.connected);
});
