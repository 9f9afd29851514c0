import { assertEquals } from "@std/assert";
import type { Hold } from "../../../src/grip/instruct.ts";
import { bytes, instruct, publishItem, RecordingPort } from "../../helpers/recording_port.ts";
import { CA, followed, NEXT, openStream, STREAM } from "../../helpers/stream_stand.ts";

const HEAD = "head 200 Content-Type=text/plain";

Deno.test("StreamHold sends head and body, then each item as it is, until an item closes it", () => {
  const { port, item } = openStream({ bodyText: "[open]\n" });
  assertEquals(port.take(), [HEAD, "subscribe c", `body "[open]\\n"`]);
  assertEquals(item({ stream: "one" }), "sent");
  assertEquals(item({ stream: "two" }), "sent");
  assertEquals(item({ response: "not for streams" }), "no-action");
  assertEquals(item({ stream: { action: "close" } }), "sent");
  assertEquals(item({ stream: "late" }), "ended");
  assertEquals(port.take(), [`body "one"`, `body "two"`, "unsubscribe c", "end closed"]);
});

Deno.test("StreamHold is not closed by an item that its filters keep from it", () => {
  const filtered = { name: "c", filters: ["require-sub"] };
  const { port, item } = openStream({ channels: [filtered] });
  port.take();
  const close = { action: "close" } as const;
  assertEquals(item({ stream: close, meta: new Map([["require_sub", "other"]]) }), "filter");
  assertEquals(item({ stream: close, meta: new Map([["require_sub", "c"]]) }), "sent");
  assertEquals(port.take(), ["unsubscribe c", "end closed"]);
});

Deno.test("StreamHold.item() passes the published bytes on without a copy", () => {
  const { machine, port } = openStream();
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
  const { port, item, machine } = openStream({}, { streamed: true });
  machine.bodyChunk(bytes("part "));
  assertEquals(item({ stream: "item" }), "queued");
  machine.bodyChunk(bytes("rest "));
  machine.bodyEnd();
  assertEquals(port.take(), [HEAD, "subscribe c", `body "part "`, `body "rest "`, `body "item"`]);
});

Deno.test("StreamHold is cut where the first body breaks off", () => {
  const { port, machine } = openStream({}, { streamed: true });
  machine.bodyChunk(bytes("part"));
  machine.bodyFailed("connection reset");
  assertEquals(port.events.slice(-3), [
    "note Stream cut: connection reset",
    "unsubscribe c",
    "end origin-failed",
  ]);
});

Deno.test("StreamHold ends a client that does not read, with the reason", () => {
  const { port, item } = openStream();
  port.take();
  port.reading = false;
  assertEquals(item({ stream: "x" }), "slow-client");
  assertEquals(port.take(), ["dropped c slow-client", "unsubscribe c", "end slow-client"]);
});

Deno.test("StreamHold ends after its body where ids have no next link to be asked for", () => {
  const { port } = openStream({ channels: [CA], bodyText: "body" });
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
    const { port, item } = openStream({ hold: { mode: "stream", keepAlive: { ...keepAlive, mode } } });
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
  openStream(
    { hold: { mode: "stream", keepAlive: { data: bytes("k"), timeoutSeconds: 10, mode: "idle" } } },
    {
      port,
    },
  );
  assertEquals(port.timerMs("keep-alive"), 9001);
  const floor = new RecordingPort();
  floor.random = (max: number) => max - 1;
  openStream(
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

Deno.test("StreamHold posts to the first response's gone link when it ends, and to no other", () => {
  const { port, machine, answer } = followed({ goneLink: "/gone" });
  machine.update();
  answer({ hold: STREAM, channels: [CA], ...NEXT, goneLink: "/other" });
  machine.clientGone();
  assertEquals(port.events.slice(-3), ["unsubscribe c", "ask gone /gone", "end client-gone"]);
});

Deno.test("StreamHold.drain() ends cleanly, a body on its way first", () => {
  const idle = followed();
  idle.machine.drain();
  assertEquals(idle.port.events.at(-1), "end drained");
  const busy = openStream({}, { streamed: true });
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
  const broken = openStream({ channels, ...NEXT, bodyText: "100%" });
  assertEquals(broken.port.events.at(-1), "end filter-failed");
});
