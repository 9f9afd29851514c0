import { assertEquals } from "@std/assert";
import type { HoldOptions } from "../../../src/grip/held_channels.ts";
import type { Hold, Instruct } from "../../../src/grip/instruct.ts";
import { StreamHold } from "../../../src/grip/stream_hold.ts";
import { bytes, instruct, type ItemParts, publishItem, RecordingPort } from "../../helpers/recording_port.ts";

const C = { name: "c", filters: [] };
const CA = { ...C, prevId: "a" };
const STREAM: Hold = { mode: "stream" };
const NEXT = { nextLink: { uri: "/next", timeoutSeconds: 120 } };
type Parts = Partial<Instruct> & { readonly bodyText?: string };

function open(
  parts: Parts = {},
  setUp: { port?: RecordingPort; options?: HoldOptions; streamed?: boolean } = {},
) {
  const port = setUp.port ?? new RecordingPort();
  const machine = new StreamHold(port, instruct({ hold: STREAM, channels: [C], ...parts }), setUp.options);
  port.hold = machine;
  machine.start(setUp.streamed === true ? "streamed" : "whole");
  const channel = port.channels.get("c");
  const item = (p: ItemParts, name = "c") =>
    machine.item(port.channels.get(name) ?? channel!, publishItem(p));
  /** A next link's whole answer. */
  const answer = (next: Parts, code = 200) => {
    machine.nextHead(code, instruct(next));
    if (next.bodyText !== undefined && next.bodyText !== "") machine.bodyChunk(bytes(next.bodyText));
    machine.bodyEnd();
  };
  return { port, machine, item, answer };
}

/** A stream that holds, is followed by ids from "a" on, and has a next link. */
function followed(parts: Parts = {}, options?: HoldOptions) {
  const port = new RecordingPort();
  port.lastIds.set("c", "a");
  const opened = open({ channels: [CA], ...NEXT, ...parts }, { port, options });
  port.take();
  return opened;
}

const HEAD = "head 200 Content-Type=text/plain";

Deno.test("StreamHold sends head and body, then each item as it is, until an item closes it", () => {
  const { port, item } = open({ bodyText: "[open]\n" });
  assertEquals(port.take(), [HEAD, "subscribe c", `body "[open]\\n"`]);
  assertEquals(item({ stream: "one" }), "sent");
  assertEquals(item({ stream: "two" }), "sent");
  assertEquals(item({ response: "not for streams" }), "no-action");
  assertEquals(item({ stream: { action: "close" } }), "sent");
  assertEquals(item({ stream: "late" }), "ended");
  assertEquals(port.take(), [`body "one"`, `body "two"`, "unsubscribe c", "end closed"]);
});

Deno.test("StreamHold.item() passes the published bytes on without a copy", () => {
  const { machine, port } = open();
  const content = bytes("shared");
  let sent: Uint8Array | undefined;
  port.sendBody = (b) => {
    sent = b;
    return true;
  };
  machine.item(port.channel("c"), publishItem({ stream: { action: "send", content } }));
  assertEquals(sent === content, true);
});

Deno.test("StreamHold keeps items back while the first body passes", () => {
  const { port, item, machine } = open({}, { streamed: true });
  machine.bodyChunk(bytes("part "));
  assertEquals(item({ stream: "item" }), "queued");
  machine.bodyChunk(bytes("rest "));
  machine.bodyEnd();
  assertEquals(port.take(), [HEAD, "subscribe c", `body "part "`, `body "rest "`, `body "item"`]);
});

Deno.test("StreamHold is cut where the first body breaks off", () => {
  const { port, machine } = open({}, { streamed: true });
  machine.bodyChunk(bytes("part"));
  machine.bodyFailed("connection reset");
  assertEquals(port.events.slice(-3), [
    "note Stream cut: connection reset",
    "unsubscribe c",
    "end origin-failed",
  ]);
});

Deno.test("StreamHold ends a client that does not read, with the reason", () => {
  const { port, item } = open();
  port.take();
  port.reading = false;
  assertEquals(item({ stream: "x" }), "slow-client");
  assertEquals(port.take(), ["dropped c slow-client", "unsubscribe c", "end slow-client"]);
});

Deno.test("StreamHold ends after its body where ids have no next link to be asked for", () => {
  const { port } = open({ channels: [CA], bodyText: "body" });
  assertEquals(port.take(), [
    HEAD,
    `body "body"`,
    `note Stream ended: channel "c" has a prev-id, but there is no next link`,
    "end closed",
  ]);
});

Deno.test("StreamHold keep-alive idle is put off by items, interval is not", () => {
  const keepAlive = { data: bytes("ka"), timeoutSeconds: 10 };
  for (const [mode, at] of [["idle", [15_000, 25_000]], ["interval", [10_000, 20_000]]] as const) {
    const { port, item } = open({ hold: { mode: "stream", keepAlive: { ...keepAlive, mode } } });
    port.take();
    port.pass(5000);
    item({ stream: "x" });
    port.take();
    const sentAt: number[] = [];
    for (let i = 0; i < 41; i++) {
      if (port.take().includes(`body "ka"`)) sentAt.push(port.nowMs());
      port.pass(500);
    }
    assertEquals(sentAt, [...at]);
  }
});

Deno.test("StreamHold keep-alive comes early by the port's random number and at least a millisecond late", () => {
  const port = new RecordingPort();
  port.random = (max: number) => max - 1;
  open({ hold: { mode: "stream", keepAlive: { data: bytes("k"), timeoutSeconds: 10, mode: "idle" } } }, {
    port,
  });
  assertEquals(port.timerMs("keep-alive"), 9001);
  const floor = new RecordingPort();
  floor.random = (max: number) => max - 1;
  open(
    { hold: { mode: "stream", keepAlive: { data: bytes("k"), timeoutSeconds: 0, mode: "idle" } } },
    { port: floor },
  );
  assertEquals(floor.timerMs("keep-alive"), 1);
});

Deno.test("StreamHold keep-alive stops while a next body passes, and an empty one leaves it alone", () => {
  const hold: Hold = {
    mode: "stream",
    keepAlive: { data: bytes("ka"), timeoutSeconds: 10, mode: "interval" },
  };
  const { port, machine } = followed({ hold });
  port.pass(4000);
  machine.update();
  machine.nextHead(200, instruct({ hold, channels: [CA], ...NEXT }));
  machine.bodyEnd();
  assertEquals(port.timerMs("keep-alive"), 6000);
  machine.update();
  machine.nextHead(200, instruct({ hold, channels: [CA], ...NEXT }));
  machine.bodyChunk(bytes("news"));
  assertEquals(port.timerMs("keep-alive"), undefined);
  machine.bodyEnd();
  assertEquals(port.timerMs("keep-alive"), 10_000);
});

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
  const { item, machine, answer } = open({ channels: [CA, D, { name: "x", filters: [] }], ...NEXT }, {
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
  open({ channels: [CA], ...NEXT, bodyText: "x" }, { port });
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
  const plain = open();
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

Deno.test("StreamHold replaces channels, meta, keep-alive and link by the next link's word", () => {
  const { port, machine, answer } = followed({
    hold: { mode: "stream", keepAlive: { data: bytes("k"), timeoutSeconds: 5, mode: "idle" } },
  });
  machine.update();
  port.take();
  answer({
    hold: STREAM,
    channels: [{ name: "d", filters: [], prevId: "1" }],
    nextLink: { uri: "?page=2", timeoutSeconds: 7 },
  });
  assertEquals(port.take(), ["unsubscribe c", "subscribe d"]);
  assertEquals([port.timerMs("keep-alive"), port.timerMs("next")], [undefined, 7000]);
  machine.update();
  assertEquals(port.take(), ["ask next ?page=2 Grip-Last: d; last-id=1"]);
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

Deno.test("StreamHold without hold puts pages together until one leads nowhere", () => {
  const { port, answer } = open({ hold: undefined, channels: [CA], ...NEXT, bodyText: "one " });
  assertEquals(port.take(), [HEAD, `body "one "`, "ask next /next Grip-Last: c; last-id=a"]);
  answer({ nextLink: { uri: "/3", timeoutSeconds: 120 }, bodyText: "two " });
  assertEquals(port.take(), [`body "two "`, "ask next /3"]);
  answer({ bodyText: "three" });
  assertEquals(port.take(), [`body "three"`, "end closed"]);
});

Deno.test("StreamHold without hold becomes a stream where a page has one", () => {
  const { port, item, answer } = open({ hold: undefined, channels: [], ...NEXT });
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

Deno.test("StreamHold posts to the first response's gone link when it ends, and to no other", () => {
  const { port, machine, answer } = followed({ goneLink: "/gone" });
  machine.update();
  answer({ hold: STREAM, channels: [CA], ...NEXT, goneLink: "/other" });
  machine.clientGone();
  assertEquals(port.events.slice(-3), ["unsubscribe c", "ask gone /gone", "end client-gone"]);
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

Deno.test("StreamHold.drain() ends cleanly, a body on its way first", () => {
  const idle = followed();
  idle.machine.drain();
  assertEquals(idle.port.events.at(-1), "end drained");
  const busy = open({}, { streamed: true });
  busy.machine.drain();
  busy.machine.bodyChunk(bytes("all"));
  busy.machine.bodyEnd();
  assertEquals(busy.port.events.slice(-3), [`body "all"`, "unsubscribe c", "end drained"]);
});

Deno.test("StreamHold filters items: skipped ones move the id on, failing ones are counted or told", () => {
  const parts = {
    channels: [{ name: "c", prevId: "a", filters: ["skip-self", "build-id"] }],
    meta: new Map([["user", "me"], ["id_format", "%(c)s"]]),
  };
  const { port, item } = followed(parts);
  assertEquals(item({ id: "b", prevId: "a", stream: "mine", meta: new Map([["sender", "me"]]) }), "filter");
  assertEquals(item({ id: "c", prevId: "b", stream: "id: %I" }), "sent");
  assertEquals(item({ id: "d", prevId: "c", stream: "%(" }), "filter-failed");
  assertEquals(port.take(), [`body "id: c"`, "dropped c filter-failed"]);
  const debug = followed(parts, { debug: true });
  debug.item({ id: "b", prevId: "a", stream: "%(" });
  assertEquals(debug.port.events.at(-1), "end filter-failed");
});

Deno.test("StreamHold renders build-id in its bodies, the next ones by their own instructs", () => {
  const channels = [{ name: "c", prevId: "a", filters: ["build-id"] }];
  const { port, machine, answer } = followed({ channels, bodyText: "" });
  machine.update();
  answer({ hold: STREAM, channels, ...NEXT, bodyText: "id=%(x)I" });
  assertEquals(port.events.at(-1), `body "id=x"`);
  machine.update();
  answer({ hold: STREAM, channels: [CA], ...NEXT, bodyText: "100%" });
  assertEquals(port.events.at(-1), `body "100%"`);
  const broken = open({ channels, ...NEXT, bodyText: "100%" });
  assertEquals(broken.port.events.at(-1), "end filter-failed");
});

Deno.test("StreamHold.item() without prev-id on a followed channel asks the origin each time", () => {
  const { port, item } = followed();
  assertEquals(item({ stream: "plain" }), "gap");
  assertEquals(port.take(), ["forget c", "update low /next"]);
});
