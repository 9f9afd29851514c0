import { assertEquals, assertRejects } from "@std/assert";
import type { Header } from "../../../../src/grip/head.ts";
import { BodyReader, HoldStand } from "../../../helpers/hold_stand.ts";
import { bytes } from "../../../helpers/recording_port.ts";
import { eventually, Gate, within } from "../../../helpers/wait.ts";

const POLL: Header[] = [["Grip-Hold", "response"], ["Grip-Channel", "c"]];
const STREAM: Header[] = [["Grip-Hold", "stream"], ["Grip-Channel", "c"]];

Deno.test("SessionKeeper.keep() answers a long-poll with what is published", async () => {
  using stand = new HoldStand();
  const held = stand.hold(POLL, "nothing\n");
  await stand.subscribed();
  assertEquals(stand.metrics.get("holds", "response"), 1);
  await stand.publish({ response: "hello\n" });
  const response = await held;
  assertEquals([response.status, response.headers.get("content-type"), await response.text()], [
    200,
    "text/plain",
    "hello\n",
  ]);
  assertEquals([stand.keeper.size, stand.metrics.get("holds", "response")], [0, 0]);
  assertEquals(stand.metrics.get("holds_ended", "delivered"), 1);
});

Deno.test("SessionKeeper.keep() answers a long-poll whose client leaves, and forgets it", async () => {
  using stand = new HoldStand();
  const client = new AbortController();
  const held = stand.hold([...POLL, ["Grip-Link", "</gone>; rel=gone"]], "", { signal: client.signal });
  await stand.subscribed();
  assertEquals(stand.keeper.connected(["p:1", "p:2"]), ["p:1"]);
  client.abort();
  assertEquals((await held).status, 499);
  assertEquals([stand.keeper.size, stand.metrics.get("holds_ended", "client-gone")], [0, 1]);
  assertEquals(stand.asker.asked, ["POST http://example.com/gone"]);
  await eventually(() => stand.log.find("info", /gone link failed/), { what: "a log line" });
});

Deno.test("SessionKeeper.keep() does not hold a client that has left already", async () => {
  using stand = new HoldStand();
  assertEquals((await stand.hold(POLL, "", { signal: AbortSignal.abort() })).status, 499);
  assertEquals([stand.keeper.size, stand.hub.channelCount], [0, 0]);
});

Deno.test("SessionKeeper.keep() streams the body, then items, until one closes it", async () => {
  using stand = new HoldStand();
  const response = await stand.hold(STREAM, "open\n");
  const body = new BodyReader(response);
  await stand.subscribed();
  await stand.publish({ stream: "one\n" });
  await stand.publish({ stream: "two\n" });
  assertEquals(await body.until("two\n"), "open\none\ntwo\n");
  await stand.publish({ stream: { action: "close" } });
  assertEquals(await body.end(), "open\none\ntwo\n");
  assertEquals([stand.keeper.size, stand.metrics.get("holds_ended", "closed")], [0, 1]);
});

Deno.test("SessionKeeper.keep() streams a first body that comes in pieces, and keeps items back till its end", async () => {
  using stand = new HoldStand();
  const gate = new Gate();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      controller.enqueue(bytes("first "));
      await gate.opened;
      controller.enqueue(bytes("second "));
      controller.close();
    },
  });
  const body = new BodyReader(await stand.hold(STREAM, stream));
  await stand.subscribed();
  await stand.publish({ stream: "item" });
  assertEquals(await body.until("first "), "first ");
  gate.open();
  assertEquals(await body.until("item"), "first second item");
  await body.cancel();
});

Deno.test("SessionKeeper.keep() cuts a stream whose first body breaks off", async () => {
  using stand = new HoldStand();
  const stream = new ReadableStream<Uint8Array>({ pull: (c) => c.error(new Error("reset")) });
  const body = new BodyReader(await stand.hold(STREAM, stream));
  await assertRejects(() => body.end(), Error, "origin-failed");
  assertEquals(stand.metrics.get("holds_ended", "origin-failed"), 1);
});

Deno.test("SessionKeeper lets the origin go when a stream's client leaves", async () => {
  using stand = new HoldStand();
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: () => new Promise(() => {}),
    cancel: () => void (cancelled = true),
  });
  const body = new BodyReader(await stand.hold(STREAM, stream));
  await body.cancel();
  assertEquals([cancelled, stand.keeper.size, stand.hub.subscriberCount("c", "stream")], [true, 0, 0]);
});

Deno.test("SessionKeeper cuts a client that does not read, and says whom and why", async () => {
  using stand = new HoldStand({ clientQueueBytes: 1000 });
  const response = await stand.hold(STREAM);
  await stand.subscribed();
  for (let i = 0; i < 12; i++) await stand.publish({ stream: "x".repeat(100) });
  assertEquals(stand.metrics.get("holds_ended", "slow-client"), 1);
  assertEquals(stand.log.find("warn", /hold ended/)?.fields.connection, "p:1");
  assertEquals(stand.log.find("warn", /item not delivered/)?.fields.channel, "c");
  assertEquals(stand.metrics.get("deliveries_dropped", "slow-client"), 1);
  await assertRejects(() => new BodyReader(response).end(), Error, "slow-client");
});

Deno.test("SessionKeeper lets an item pass that is larger than the whole queue", async () => {
  using stand = new HoldStand({ clientQueueBytes: 1000 });
  const body = new BodyReader(await stand.hold(STREAM));
  await stand.subscribed();
  await stand.publish({ stream: `${"x".repeat(5000)}!` });
  assertEquals((await body.until("!")).length, 5001);
  await body.cancel();
});

Deno.test("SessionKeeper.keep() answers HEAD at once for a stream and with the length for a long-poll", async () => {
  using stand = new HoldStand();
  const stream = await stand.hold(STREAM, "open\n", { method: "HEAD" });
  assertEquals([stream.status, stream.body, stand.keeper.size], [200, null, 0]);
  const poll = stand.hold(POLL, "", { method: "HEAD" });
  await stand.subscribed();
  await stand.publish({ response: "12345" });
  const response = await poll;
  assertEquals([response.body, response.headers.get("content-length")], [null, "5"]);
});

Deno.test("SessionKeeper never gives the runtime a header it would die of", async () => {
  using stand = new HoldStand();
  const held = stand.hold(POLL);
  await stand.subscribed();
  await stand.publish({
    response: {
      action: "send",
      code: 200,
      reason: "OK",
      headers: [["X-Bad", "a\x01b"], ["X-Good", "1"]],
      body: bytes(""),
    },
  });
  const response = await held;
  assertEquals([response.headers.has("x-bad"), response.headers.get("x-good")], [false, "1"]);
  assertEquals(stand.log.find("warn", /header field dropped/)?.fields.name, "X-Bad");
});

Deno.test("SessionKeeper adds the route's prefix to the origin's channels and not to the route's own", async () => {
  using stand = new HoldStand({ route: "*,prefix=p- localhost:80,sub=all" });
  const body = new BodyReader(await stand.hold(STREAM));
  await stand.subscribed(2);
  await stand.publish({ channel: "c", stream: "wrong " });
  await stand.publish({ channel: "p-c", stream: "right " });
  await stand.publish({ channel: "all", stream: "all." });
  assertEquals(await body.until("."), "right all.");
  await body.cancel();
});

Deno.test("SessionKeeper ends the sessions in which something breaks, and no others", async () => {
  using stand = new HoldStand();
  const bad = new BodyReader(await stand.hold(STREAM));
  const good = new BodyReader(await stand.hold([["Grip-Hold", "stream"], ["Grip-Channel", "d"]]));
  await stand.subscribed(2);
  const broken = {
    action: "send" as const,
    get content(): Uint8Array {
      throw new Error("bug");
    },
  };
  await stand.publish({ stream: broken });
  await assertRejects(() => bad.end(), Error, "error");
  await stand.publish({ channel: "d", stream: "on" });
  assertEquals(await good.until("on"), "on");
  assertEquals([stand.metrics.get("holds_ended", "error"), stand.keeper.size], [1, 1]);
  await good.cancel();
});

Deno.test("SessionKeeper.drain() sends everyone home cleanly", async () => {
  using stand = new HoldStand();
  const polls = Array.from({ length: 5 }, () => stand.hold(POLL, "nothing\n"));
  const streams = await Promise.all(Array.from({ length: 5 }, () => stand.hold(STREAM, "open\n")));
  await stand.subscribed();
  const drained = stand.keeper.drain(0.2);
  const late = stand.hold(POLL, "late\n");
  await within(drained, "the drain");
  assertEquals(await Promise.all(polls.map(async (p) => (await p).text())), Array(5).fill("nothing\n"));
  assertEquals(await Promise.all(streams.map((r) => r.text())), Array(5).fill("open\n"));
  assertEquals(await (await late).text(), "late\n");
  assertEquals(stand.metrics.get("holds_ended", "drained"), 11);
});
