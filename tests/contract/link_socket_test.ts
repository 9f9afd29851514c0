/** What only a link over sockets can do: break, be slow, be joined again, belong to somebody else. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { PushpinError } from "../../src/errors.ts";
import {
  connect,
  type HandlerEnd,
  inTempDir,
  listen,
  type ProxyEnd,
  QUICK,
  tcp0,
} from "../helpers/link_ends.ts";
import { recordLog } from "../helpers/log_recorder.ts";
import { streamItem } from "../helpers/publish_items.ts";
import { eventually, within } from "../helpers/wait.ts";

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
