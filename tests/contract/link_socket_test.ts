/** What only a link over sockets can do: be refused, break, be slow, be joined again, belong to somebody else. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { PushpinError } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import { type LinkAddress, linkAddress, parseLinkAddress } from "../../src/server/link/address.ts";
import type { LinkEnd, LinkTiming } from "../../src/server/link/link.ts";
import { LinkConnector, type LinkConnectorOptions } from "../../src/server/link/link_connector.ts";
import { LinkListener, type LinkListenerOptions } from "../../src/server/link/link_listener.ts";
import type { DownMessage, UpMessage } from "../../src/server/link/messages.ts";
import { encodeFrame } from "../../src/server/wire/link_frames.ts";
import { recordLog } from "../helpers/log_recorder.ts";
import { streamItem } from "../helpers/publish_items.ts";
import { eventually, within } from "../helpers/wait.ts";

type ProxyEnd = LinkEnd<UpMessage, DownMessage>;
type HandlerEnd = LinkEnd<DownMessage, UpMessage>;

const QUICK: Partial<LinkTiming> = { retryMinMs: 5, retryMaxMs: 20, refusedRetryMs: 60_000, tellAfterMs: 0 };

async function inTempDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function listen(address: LinkAddress, more: Partial<LinkListenerOptions> = {}): Promise<LinkListener> {
  return LinkListener.listen({
    address,
    name: "handler",
    log: silentLog,
    timing: QUICK,
    onConnected: (end) => end.receive(() => {}),
    ...more,
  });
}

function connect(address: LinkAddress, more: Partial<LinkConnectorOptions> = {}): LinkConnector {
  return new LinkConnector({
    address,
    name: "proxy",
    log: silentLog,
    timing: QUICK,
    onConnected: (end) => end.receive(() => {}),
    ...more,
  });
}

const tcp0: LinkAddress = { transport: "tcp", hostname: "127.0.0.1", port: 0 };

Deno.test("LinkListener.listen() makes a socket of mode 0600, and its directory", () =>
  inTempDir(async (dir) => {
    await using _listener = await listen({ transport: "unix", path: `${dir}/run/link` });
    assertEquals((await Deno.stat(`${dir}/run/link`)).mode! & 0o777, 0o600);
  }));

Deno.test("LinkListener.listen() replaces the socket file of a dead process and removes its own at the end", () =>
  inTempDir(async (dir) => {
    const path = `${dir}/link`;
    // Renamed, so that closing does not find it: what a process leaves behind that is killed.
    const dead = Deno.listen({ transport: "unix", path: `${dir}/before` });
    await Deno.rename(`${dir}/before`, path);
    dead.close();
    assert((await Deno.lstat(path)).isSocket, "the leftover");
    const listener = await listen({ transport: "unix", path });
    await using connector = connect({ transport: "unix", path });
    await eventually(() => connector.connected);
    await listener[Symbol.asyncDispose]();
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  }));

Deno.test("LinkListener.listen() leaves a living handler's socket alone and says who is there", () =>
  inTempDir(async (dir) => {
    const address = { transport: "unix", path: `${dir}/link` } as const;
    await using _first = await listen(address);
    await assertRejects(
      () => listen(address),
      PushpinError,
      "another handler answers there: stop it or set rundir",
    );
    await using connector = connect(address);
    await eventually(() => connector.connected);
  }));

Deno.test("LinkListener.listen() does not remove a file that is no socket", () =>
  inTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/link`, "precious");
    await assertRejects(
      () => listen({ transport: "unix", path: `${dir}/link` }),
      PushpinError,
      "a file that is no socket is there",
    );
    assertEquals(await Deno.readTextFile(`${dir}/link`), "precious");
  }));

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

Deno.test("LinkConnector starts before its handler, joins when it comes, and joins again when it returns", () =>
  inTempDir(async (dir) => {
    const address = { transport: "unix", path: `${dir}/link` } as const;
    const log = recordLog();
    const announced: string[] = [];
    let times = 0;
    await using connector = connect(address, {
      log,
      onConnected: (end: ProxyEnd) => {
        end.receive(() => {});
        times++;
        void end.send({ type: "subscribe", channel: `c${times}` });
      },
    });
    await eventually(() => log.find("warn", /no link to the handler/));
    for (let round = 1; round <= 3; round++) {
      const listener = await listen(address, {
        onConnected: (end: HandlerEnd) =>
          end.receive((m) => m.type === "subscribe" && announced.push(m.channel)),
      });
      assert(await listener.joined(1, 10_000));
      await eventually(() => announced.length === round);
      await listener[Symbol.asyncDispose]();
      await eventually(() => !connector.connected);
    }
    assertEquals(announced, ["c1", "c2", "c3"]);
    // One line while it was away, not one a try.
    assert(log.lines.filter((line) => line.level === "warn").length <= 8);
  }));

Deno.test("LinkListener.joined() waits for so many proxies, but no longer than told", async () => {
  await using listener = await listen(tcp0, { secret: "s" });
  assertEquals(await listener.joined(1, 5), false);
  const two = listener.joined(2, 10_000);
  await using _a = connect(listener.address, { secret: "s" });
  await using _b = connect(listener.address, { secret: "s" });
  assertEquals(await two, true);
});

Deno.test("SocketEnd closes with overflow when the peer does not read, and what it did take is whole", async () => {
  // The proxy's end is there, but nobody calls receive(): nothing is read beyond the greeting.
  const log = recordLog();
  let handlerEnd: HandlerEnd | undefined;
  let proxyEnd: ProxyEnd | undefined;
  await using listener = await listen(tcp0, {
    secret: "s",
    log,
    timing: { ...QUICK, maxWaitingBytes: 1_000_000 },
    onConnected: (end) => {
      handlerEnd ??= end;
      end.receive(() => {});
    },
  });
  await using _connector = connect(listener.address, { secret: "s", onConnected: (end) => proxyEnd ??= end });
  await eventually(() => handlerEnd !== undefined && proxyEnd !== undefined);
  const text = "x".repeat(100_000);
  let accepted = 0;
  let refused = 0;
  for (let seq = 0; seq < 2000 && refused === 0; seq++) {
    handlerEnd!.send({ type: "item", seq, item: streamItem("c", text) }).then(
      () => accepted++,
      () => refused++,
    );
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(await within(handlerEnd!.closed, "the overflow"), "overflow");
  assert(log.find("warn", /link closed/)?.fields.why === "overflow");
  assert(refused > 0, "what waited is refused");
  // What was accepted is in the kernel, and arrives although the sender has closed.
  const seqs: number[] = [];
  proxyEnd!.receive((message) => {
    if (message.type === "item") seqs.push(message.seq);
  });
  await within(proxyEnd!.closed, "the close");
  assert(seqs.length >= accepted, `${seqs.length} of ${accepted} accepted items arrived`);
  assertEquals(seqs, seqs.map((_, i) => i));
});

Deno.test("SocketEnd closes with silent when the peer says nothing, and stays open on heartbeats alone", async () => {
  const timing = { ...QUICK, heartbeatMs: 20, silentBeats: 4 };
  let handlerEnd: HandlerEnd | undefined;
  await using listener = await listen(tcp0, {
    secret: "s",
    timing,
    onConnected: (end) => {
      handlerEnd = end;
      end.receive(() => {});
    },
  });
  {
    await using connector = connect(listener.address, { secret: "s", timing });
    await eventually(() => handlerEnd !== undefined && connector.connected);
    const why = await Promise.race([
      handlerEnd!.closed,
      new Promise<string>((resolve) => setTimeout(() => resolve("still open"), 300)),
    ]);
    assertEquals(why, "still open");
  }
  // A proxy whose heartbeats are far apart stands for one that hangs.
  handlerEnd = undefined;
  await using _mute = connect(listener.address, { secret: "s", timing: { ...QUICK, heartbeatMs: 60_000 } });
  await eventually(() => handlerEnd !== undefined);
  assertEquals(await within(handlerEnd!.closed, "the silence to be noticed"), "silent");
});

Deno.test("SocketEnd.send() rejects an item longer than a frame and keeps the link", async () => {
  let handlerEnd: HandlerEnd | undefined;
  const got: string[] = [];
  await using listener = await listen(tcp0, {
    secret: "s",
    onConnected: (end) => {
      end.receive(() => {});
      handlerEnd = end;
    },
  });
  await using _connector = connect(listener.address, {
    secret: "s",
    onConnected: (end) => end.receive((message) => got.push(message.type)),
  });
  await eventually(() => handlerEnd);
  const end = handlerEnd!;
  const item = {
    ...streamItem("c", ""),
    formats: { "http-stream": { action: "send", content: new Uint8Array(65 * 1024 * 1024) } },
  } as const;
  await assertRejects(() => end.send({ type: "item", seq: 1, item }), PushpinError, "more than the limit");
  await end.send({ type: "recover" });
  await eventually(() => got.length === 1);
});

Deno.test("parseLinkAddress() reads local sockets and TCP, and names what is neither", () => {
  assertEquals(parseLinkAddress("ipc:///run/p/link"), { transport: "unix", path: "/run/p/link" });
  assertEquals(parseLinkAddress("tcp://[::1]:5570"), { transport: "tcp", hostname: "::1", port: 5570 });
  assertEquals(parseLinkAddress("10.0.0.1:5570"), { transport: "tcp", hostname: "10.0.0.1", port: 5570 });
  assertEquals(
    linkAddress({ link_spec: "", rundir: "/run/p", ipc_prefix: "pushpin-" }),
    { transport: "unix", path: "/run/p/pushpin-link" },
  );
  assertEquals(parseLinkAddress("tcp://*:5570"), { transport: "tcp", hostname: "0.0.0.0", port: 5570 });
  for (const bad of ["", "http://x:1", "tcp://x", "tcp://x:99999", "ipc://", `ipc:///${"x".repeat(120)}`]) {
    try {
      parseLinkAddress(bad);
    } catch (error) {
      assert(error instanceof PushpinError && error.message.includes(`"${bad}"`));
      continue;
    }
    throw new Error(`accepted "${bad}"`);
  }
});
