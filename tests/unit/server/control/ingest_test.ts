import { assertEquals } from "@std/assert";
import type { PublishItem } from "../../../../src/grip/publish_item.ts";
import { silentLog } from "../../../../src/log.ts";
import { Metrics } from "../../../../src/metrics.ts";
import { Handler } from "../../../../src/server/control/ingest.ts";
import type { LinkEnd } from "../../../../src/server/link/link.ts";
import { createMemoryLink } from "../../../../src/server/link/memory_link.ts";
import type { DownMessage, Receipt, UpMessage } from "../../../../src/server/link/messages.ts";
import { eventually } from "../../../helpers/wait.ts";

/** A proxy that writes down what comes down and answers items with a receipt of its own. */
class StubProxy implements AsyncDisposable {
  readonly end: LinkEnd<UpMessage, DownMessage>;
  readonly got: DownMessage[] = [];

  constructor(handler: Handler, receivers = 1, readonly connections: readonly string[] = []) {
    const [mine, theirs] = createMemoryLink<UpMessage, DownMessage>();
    this.end = mine;
    mine.receive((message) => {
      this.got.push(message);
      if (message.type === "item") {
        void mine.send({ type: "receipt", seq: message.seq, receipt: receipt(receivers) });
      }
      if (message.type === "conncheck") {
        const ids = message.ids.filter((id) => this.connections.includes(id));
        void mine.send({ type: "connections", ask: message.ask, ids });
      }
    });
    handler.attach(theirs);
  }

  get items(): readonly (string | undefined)[] {
    return this.got.flatMap((m) => m.type === "item" ? [m.item.id] : []);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.end[Symbol.asyncDispose]();
  }
}

function receipt(matched: number): Receipt {
  return { matched, matchedByMode: { response: 0, stream: matched, ws: 0 }, dropped: {} };
}

function item(channel: string, id?: string, prevId?: string): PublishItem {
  const formats = { "http-stream": { action: "send", content: new Uint8Array([120]) } } as const;
  return { channel, id, prevId, formats, meta: new Map(), noSeq: false };
}

function newHandler(options: { updateOnFirstSubscription?: boolean; now?: () => number } = {}) {
  const metrics = new Metrics();
  return { handler: new Handler({ log: silentLog, metrics, ...options }), metrics };
}

Deno.test("Handler.ingest() hands an item to the proxies that are interested and sums their receipts", async () => {
  const { handler } = newHandler();
  using _handler = handler;
  await using a = new StubProxy(handler, 3);
  await using b = new StubProxy(handler, 4);
  await using other = new StubProxy(handler);
  await a.end.send({ type: "subscribe", channel: "c" });
  await b.end.send({ type: "subscribe", channel: "c" });
  await other.end.send({ type: "subscribe", channel: "d" });
  const [outcome] = await handler.ingest([item("c", "1")]);
  assertEquals(outcome?.status, "published");
  assertEquals((await outcome!.receipt).matched, 7);
  assertEquals([a.items, b.items, other.items], [["1"], ["1"], []]);
});

Deno.test("Handler.ingest() passes an id once in its time, whether anybody listens or not", async () => {
  const { handler, metrics } = newHandler();
  using _handler = handler;
  const statuses = (await handler.ingest([item("c", "1"), item("c", "1"), item("d", "1")])).map((o) =>
    o.status
  );
  assertEquals(statuses, ["published", "duplicate", "published"]);
  assertEquals(metrics.get("items_dropped", "duplicate"), 1);
});

Deno.test("Handler.ingest() parks what came too early and sends it with its predecessor", async () => {
  const { handler } = newHandler();
  using _handler = handler;
  await using proxy = new StubProxy(handler);
  await proxy.end.send({ type: "subscribe", channel: "c" });
  const outcomes = await handler.ingest([item("c", "1"), item("c", "3", "2"), item("c", "2", "1")]);
  assertEquals(outcomes.map((o) => o.status), ["published", "parked", "published"]);
  await eventually(() => proxy.items.length === 3);
  assertEquals(proxy.items, ["1", "2", "3"]);
});

Deno.test("Handler sends a parked item after message_wait although its predecessor never came", async () => {
  const clock = { ms: 0 };
  const { handler } = newHandler({ now: () => clock.ms });
  using _handler = handler;
  await using proxy = new StubProxy(handler);
  await proxy.end.send({ type: "subscribe", channel: "c" });
  await handler.ingest([item("c", "1"), item("c", "3", "2")]);
  clock.ms = 6000;
  await eventually(() => proxy.items.length === 2);
  assertEquals(proxy.items, ["1", "3"]);
});

Deno.test("Handler passes on what proxies saw last, and begins the order anew, when it has just started", async () => {
  const { handler } = newHandler({ updateOnFirstSubscription: false });
  using _handler = handler;
  await using old = new StubProxy(handler);
  await old.end.send({ type: "subscribe", channel: "c", lastId: "5" });
  await using fresh = new StubProxy(handler);
  await fresh.end.send({ type: "subscribe", channel: "c" });
  const subscribed = { type: "subscribed", channel: "c", lastId: "5" } as const;
  await eventually(() => fresh.got.length === 1);
  assertEquals([old.got, fresh.got], [[subscribed], [subscribed]]);
  // A batch of which the last handler had passed some on, and was never acknowledged: at once, and in its order.
  const again = await handler.ingest([item("c", "4", "3"), item("c", "5", "4"), item("c", "6", "5")]);
  assertEquals(again.map(({ status }) => status), ["published", "published", "published"]);
  const [early] = await handler.ingest([item("c", "8", "7")]);
  assertEquals(early?.status, "parked");
  await using late = new StubProxy(handler);
  await late.end.send({ type: "subscribe", channel: "c", lastId: "5" });
  await eventually(() => late.got.length === 1);
  assertEquals(late.got, [{ ...subscribed, lastId: "6" }]);
});

Deno.test("Handler has all sessions ask where proxies saw different ids last", async () => {
  const { handler } = newHandler({ updateOnFirstSubscription: false });
  using _handler = handler;
  await using a = new StubProxy(handler);
  await using b = new StubProxy(handler);
  await a.end.send({ type: "subscribe", channel: "c", lastId: "5" });
  await b.end.send({ type: "subscribe", channel: "c", lastId: "4" });
  const update = { type: "update", channel: "c" } as const;
  await eventually(() => a.got.length === 2 && b.got.length === 2);
  assertEquals(a.got, [{ type: "subscribed", channel: "c", lastId: "5" }, update]);
  assertEquals(b.got, [{ type: "subscribed", channel: "c", lastId: undefined }, update]);
});

Deno.test("Handler tells all proxies of a channel's first subscription a second later", async () => {
  const { handler } = newHandler();
  using _handler = handler;
  await using proxy = new StubProxy(handler);
  await proxy.end.send({ type: "subscribe", channel: "c" });
  await eventually(() => proxy.got.some((m) => m.type === "update"));
  assertEquals(proxy.got.at(-1), { type: "update", channel: "c" });
});

Deno.test("Handler.ingest() settles receipts of a proxy that dies before it answers", async () => {
  const { handler } = newHandler();
  using _handler = handler;
  const [mine, theirs] = createMemoryLink<UpMessage, DownMessage>();
  mine.receive(() => {});
  handler.attach(theirs);
  await mine.send({ type: "subscribe", channel: "c" });
  const [outcome] = await handler.ingest([item("c", "1")]);
  await mine[Symbol.asyncDispose]();
  assertEquals((await outcome!.receipt).matched, 0);
});

Deno.test("Handler.conncheck() gathers what every proxy has", async () => {
  const { handler } = newHandler();
  using _handler = handler;
  await using _a = new StubProxy(handler, 1, ["a-1"]);
  await using _b = new StubProxy(handler, 1, ["b-1", "b-2"]);
  assertEquals([...await handler.conncheck(["a-1", "b-2", "c-9"])].sort(), ["a-1", "b-2"]);
});

Deno.test("Handler tells its watcher of a channel's first and last subscriber anywhere", async () => {
  const { handler } = newHandler();
  using _handler = handler;
  const seen: string[] = [];
  handler.watchInterest((channel, wanted) => seen.push(`${wanted ? "+" : "-"}${channel}`));
  {
    await using a = new StubProxy(handler);
    await using b = new StubProxy(handler);
    await a.end.send({ type: "subscribe", channel: "c" });
    await b.end.send({ type: "subscribe", channel: "c" });
    await a.end.send({ type: "unsubscribe", channel: "c" });
    assertEquals(seen, ["+c"]);
  }
  await eventually(() => seen.length === 2);
  assertEquals(seen, ["+c", "-c"]);
});

Deno.test("Handler tells proxies which statistics are wanted, those that come later too, and passes on what they tell", async () => {
  const { handler } = newHandler({ updateOnFirstSubscription: false });
  using _handler = handler;
  const told: unknown[] = [];
  handler.watchStats({
    published: (item, receivers) => void told.push(["published", item.id, receivers]),
    batch: (_proxy, batch) => void told.push(["batch", batch.packets.length]),
    gone: () => void told.push(["gone"]),
  });
  await using early = new StubProxy(handler, 2);
  handler.wantStats(["conn"]);
  await using late = new StubProxy(handler);
  const wants = (proxy: StubProxy) => proxy.got.filter(({ type }) => type === "want-stats");
  await eventually(() => wants(early).length + wants(late).length === 2);
  assertEquals(wants(late), wants(early));
  await early.end.send({ type: "stats", packets: [{ type: "conn", fields: { id: "p:1" } }] });
  await early.end.send({ type: "subscribe", channel: "c" });
  const [outcome] = await handler.ingest([item("c", "1")]);
  await outcome!.receipt;
  await early[Symbol.asyncDispose]();
  await eventually(() => told.length === 3);
  assertEquals(told, [["batch", 1], ["published", "1", { response: 0, stream: 2, ws: 0 }], ["gone"]]);
});
