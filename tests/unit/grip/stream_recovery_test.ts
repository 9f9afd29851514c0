import { assertEquals } from "@std/assert";
import { bytes, instruct, publishItem, RecordingPort } from "../../helpers/recording_port.ts";
import { C, CA, followed, NEXT, openStream, STREAM } from "../../helpers/stream_stand.ts";

const HEAD = "head 200 Content-Type=text/plain";

Deno.test("StreamHold.item() in order is sent and moves the id on", () => {
  const { port, item, machine } = followed();
  assertEquals(item({ id: "b", prevId: "a", stream: "b" }), "sent");
  assertEquals(item({ id: "c", prevId: "b", stream: "c" }), "sent");
  machine.update();
  assertEquals(port.take(), [`body "b"`, `body "c"`, "ask next /next Grip-Last: c; last-id=c"]);
});

Deno.test("StreamHold.item() after a gap is not sent; the next link brings all, and what it brought is not repeated", () => {
  const { port, item, machine, answer } = followed();
  assertEquals(item({ id: "c", prevId: "b", stream: "c" }), "gap");
  assertEquals(port.take(), ["forget c", "update low /next"]);
  machine.update();
  assertEquals(item({ id: "d", prevId: "c", stream: "d" }), "queued");
  assertEquals(item({ id: "e", prevId: "d", stream: "e" }), "queued");
  answer({ hold: STREAM, channels: [{ ...C, prevId: "d" }], ...NEXT, bodyText: "bcd" });
  assertEquals(item({ id: "f", prevId: "e", stream: "f" }), "sent");
  assertEquals(port.take(), [
    "ask next /next Grip-Last: c; last-id=a",
    `body "bcd"`,
    `body "e"`,
    `body "f"`,
  ]);
});

Deno.test("StreamHold discards queued items by channel, and those of channels it left", () => {
  const D = { name: "d", prevId: "1", filters: [] };
  const port = new RecordingPort();
  const { item, machine, answer } = openStream({ channels: [CA, D, { name: "x", filters: [] }], ...NEXT }, {
    port,
  });
  const x = port.channel("x");
  machine.update();
  port.take();
  item({ id: "2", prevId: "1", stream: "d2", channel: "d" }, "d");
  item({ id: "b", prevId: "a", stream: "b" });
  machine.item(x, publishItem({ channel: "x", stream: "x" }));
  item({ id: "c", prevId: "b", stream: "c" });
  answer({ hold: STREAM, channels: [{ ...C, prevId: "b" }, D, { name: "y", filters: [] }], ...NEXT });
  assertEquals(port.take(), ["unsubscribe x", "subscribe y", `body "d2"`, `body "c"`]);
});

Deno.test("StreamHold compares ids when it is subscribed, and asks its next link where they differ", () => {
  const port = new RecordingPort();
  port.lastIds.set("c", "b");
  openStream({ channels: [CA], ...NEXT, bodyText: "x" }, { port });
  assertEquals(port.take(), [HEAD, "subscribe c", "forget c", `body "x"`, "update low /next"]);
});

Deno.test("StreamHold.subscribed() a second time asks the next link, as items may have been missed", () => {
  const { port, machine } = followed();
  machine.subscribed(port.channel("c"), "a");
  assertEquals(port.take(), ["update low /next"]);
});

Deno.test("StreamHold.item() with a hint asks at once; without a next link nothing happens", () => {
  const { port, item } = followed();
  assertEquals(item({ stream: { action: "hint" } }), "hint");
  assertEquals(port.take(), ["update high /next"]);
  const plain = openStream();
  plain.port.take();
  plain.item({ stream: { action: "hint" } });
  assertEquals(plain.port.take(), []);
});

Deno.test("StreamHold remembers an update that comes while one runs", () => {
  const { port, item, machine, answer } = followed();
  machine.update();
  item({ stream: { action: "hint" } });
  machine.updateSoon();
  port.take();
  answer({ hold: STREAM, channels: [CA], ...NEXT });
  assertEquals(port.take(), ["update high /next"]);
});

Deno.test("StreamHold asks its next link when nothing came for its time, and skips once where every channel was active", () => {
  const { port, item } = followed();
  port.pass(119_999);
  assertEquals(port.take(), []);
  item({ id: "b", prevId: "a", stream: "b" });
  port.take();
  port.pass(1);
  assertEquals(port.take(), []);
  port.pass(120_000);
  assertEquals(port.take(), ["update low /next"]);
});

Deno.test("StreamHold does not spin on a next link with timeout 0", () => {
  const { port } = followed({ nextLink: { uri: "/next", timeoutSeconds: 0 } });
  assertEquals(port.timerMs("next"), 500);
});

Deno.test("StreamHold ends when a next link has neither hold nor link, and goes on plainly without link", () => {
  const ending = followed();
  ending.machine.update();
  ending.answer({ bodyText: "bye" });
  assertEquals(ending.port.events.slice(-3), [`body "bye"`, "unsubscribe c", "end closed"]);
  const plain = followed();
  plain.machine.update();
  plain.answer({ hold: STREAM, channels: [C] });
  plain.port.take();
  assertEquals(plain.item({ stream: "x" }), "sent");
  assertEquals(plain.port.timerMs("next"), undefined);
});

Deno.test("StreamHold asks a failing next link five times more, longer apart each time, then is cut", () => {
  const { port, machine } = followed();
  machine.update();
  const delays: (number | undefined)[] = [];
  for (let i = 0; i < 5; i++) {
    if (i % 2 === 0) machine.nextHead(500, instruct());
    else machine.bodyFailed("refused");
    delays.push(port.timerMs("retry"));
    port.pass(port.timerMs("retry")!);
  }
  assertEquals(delays, [1000, 2000, 4000, 8000, 16_000]);
  assertEquals(port.events.filter((e) => e.startsWith("ask")).length, 6);
  port.take();
  machine.bodyFailed("refused");
  assertEquals(
    port.take(),
    [
      "note Stream cut: refused",
      "cancel ask",
      "unsubscribe c",
      "end origin-failed",
    ].filter((e) => e !== "cancel ask" || port.events.length >= 0),
  );
});

Deno.test("StreamHold does not ask again what it has passed on in part", () => {
  const { port, machine } = followed();
  machine.update();
  machine.nextHead(200, instruct({ hold: STREAM, channels: [CA], ...NEXT }));
  machine.bodyChunk(bytes("half"));
  machine.bodyFailed("reset");
  assertEquals(port.events.at(-1), "end origin-failed");
});

Deno.test("StreamHold queues 100 items while it asks and counts what is beyond", () => {
  const { port, item, machine } = followed({ channels: [C] });
  machine.update();
  port.take();
  for (let i = 0; i < 100; i++) assertEquals(item({ stream: String(i) }), "queued");
  assertEquals(item({ stream: "100" }), "queue-full");
  assertEquals(port.take(), ["dropped c queue-full"]);
});

Deno.test("StreamHold asks once more where items did not find room while it asked", () => {
  const { port, item, machine, answer } = followed();
  machine.update();
  for (let i = 0; i < 101; i++) item({ id: `${i + 1}`, prevId: `${i}`, stream: "x" });
  port.take();
  // All that the origin had when it was asked: the 101st is missing, and no other item shows it.
  answer({ hold: STREAM, channels: [{ ...C, prevId: "100" }], ...NEXT });
  assertEquals(port.take(), ["update low /next"]);
});

Deno.test("StreamHold sends what came on other channels when one of them has a gap", () => {
  const port = new RecordingPort();
  port.lastIds.set("c", "a");
  const { item, machine, answer } = openStream({ channels: [CA, { name: "d", filters: [] }], ...NEXT }, {
    port,
  });
  machine.update();
  item({ id: "b", prevId: "a", stream: "b" });
  item({ id: "d", prevId: "c", stream: "d" });
  item({ channel: "d", stream: "plain" }, "d");
  port.take();
  // Until now the gap broke the flush off, and the item behind it was lost without a trace.
  answer({ hold: STREAM, channels: [CA, { name: "d", filters: [] }], ...NEXT });
  assertEquals(port.take(), [`body "b"`, "forget c", "update low /next", `body "plain"`]);
});

Deno.test("StreamHold without hold puts pages together until one leads nowhere", () => {
  const { port, answer } = openStream({ hold: undefined, channels: [CA], ...NEXT, bodyText: "one " });
  assertEquals(port.take(), [HEAD, `body "one "`, "ask next /next Grip-Last: c; last-id=a"]);
  answer({ nextLink: { uri: "/3", timeoutSeconds: 120 }, bodyText: "two " });
  assertEquals(port.take(), [`body "two "`, "ask next /3"]);
  answer({ bodyText: "three" });
  assertEquals(port.take(), [`body "three"`, "end closed"]);
});

Deno.test("StreamHold without hold becomes a stream where a page has one", () => {
  const { port, item, answer } = openStream({ hold: undefined, channels: [], ...NEXT });
  answer({ hold: STREAM, channels: [C], bodyText: "page" });
  assertEquals(item({ stream: "x" }, "c"), "sent");
  assertEquals(port.events.slice(-3), ["subscribe c", `body "page"`, `body "x"`]);
});

Deno.test("StreamHold keeps its subscriptions over pages that only lead on", () => {
  const { port, item, machine, answer } = followed();
  machine.update();
  answer({ nextLink: { uri: "/2", timeoutSeconds: 120 }, bodyText: "page 1" });
  assertEquals(item({ id: "c", prevId: "b", stream: "c" }), "queued");
  answer({ hold: STREAM, channels: [{ ...C, prevId: "b" }], ...NEXT });
  assertEquals(port.take(), [
    "ask next /next Grip-Last: c; last-id=a",
    `body "page 1"`,
    "ask next /2",
    `body "c"`,
  ]);
});

Deno.test("StreamHold refuses a next link that wants a response hold", () => {
  const { port, machine } = followed();
  machine.update();
  machine.nextHead(200, instruct({ hold: { mode: "response", timeoutSeconds: 55 } }));
  assertEquals([port.events.includes("cancel ask"), port.timerMs("retry")], [true, 1000]);
});

Deno.test("StreamHold gives up its fetch when the client leaves", () => {
  const { port, machine } = followed();
  machine.update();
  port.take();
  machine.clientGone();
  assertEquals(port.take(), ["cancel ask", "unsubscribe c", "end client-gone"]);
  machine.nextHead(200, instruct());
  machine.bodyChunk(bytes("late"));
  machine.bodyEnd();
  assertEquals(port.take(), []);
});

Deno.test("StreamHold.item() without prev-id on a followed channel asks the origin each time", () => {
  const { port, item } = followed();
  assertEquals(item({ stream: "plain" }), "gap");
  assertEquals(port.take(), ["forget c", "update low /next"]);
});
