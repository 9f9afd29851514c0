import { assertEquals } from "@std/assert";
import type { PublishItem } from "../../../../src/grip/publish_item.ts";
import { silentLog } from "../../../../src/log.ts";
import { Metrics } from "../../../../src/metrics.ts";
import { Hub } from "../../../../src/server/hub/hub.ts";
import type { Subscriber } from "../../../../src/server/hub/subscriber.ts";
import type { LinkClose, LinkEnd } from "../../../../src/server/link/link.ts";
import type { DownMessage, UpMessage } from "../../../../src/server/link/messages.ts";

/** The handler's side, as a list of what came up and a way to say something down. */
class RecordingLink implements LinkEnd<UpMessage, DownMessage> {
  readonly sent: UpMessage[] = [];
  readonly closed: Promise<LinkClose>;
  #close!: (why: LinkClose) => void;
  #handler: (message: DownMessage) => void = () => {};

  constructor() {
    this.closed = new Promise((resolve) => this.#close = resolve);
  }

  send(message: UpMessage): Promise<void> {
    this.sent.push(message);
    return Promise.resolve();
  }

  receive(handler: (message: DownMessage) => void): void {
    this.#handler = handler;
  }

  say(message: DownMessage): void {
    this.#handler(message);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#close("ours");
    return Promise.resolve();
  }
}

class RecordingSubscriber implements Subscriber {
  readonly events: string[] = [];
  constructor(readonly id: string) {}
  subscribed(channel: string, lastId: string | undefined): void {
    this.events.push(`subscribed ${channel} ${lastId}`);
  }
  item(channel: string, item: PublishItem): string {
    this.events.push(`item ${channel} ${item.id}`);
    return "sent";
  }
  update(channel: string): void {
    this.events.push(`update ${channel}`);
  }
  recover(): void {
    this.events.push("recover");
  }
}

function streamItem(channel: string, id?: string): PublishItem {
  const formats = { "http-stream": { action: "send", content: new Uint8Array([120]) } } as const;
  return { channel, id, formats, meta: new Map(), noSeq: false };
}

function newHub(lingerSeconds = 60): { hub: Hub; link: RecordingLink } {
  const hub = new Hub({ log: silentLog, metrics: new Metrics(), lingerSeconds });
  const link = new RecordingLink();
  hub.attach(link);
  return { hub, link };
}

Deno.test("Hub announces a channel with its first subscriber and takes it back with its last", () => {
  const { hub, link } = newHub();
  using _hub = hub;
  const a = new RecordingSubscriber("a");
  const b = new RecordingSubscriber("b");
  hub.subscribe("c", "stream", a);
  hub.subscribe("c", "stream", b);
  hub.unsubscribe("c", "stream", a);
  assertEquals(link.sent, [{ type: "subscribe", channel: "c", lastId: undefined }]);
  hub.unsubscribe("c", "stream", b);
  assertEquals(link.sent.at(-1), { type: "unsubscribe", channel: "c" });
  assertEquals(hub.channelCount, 0);
});

Deno.test("Hub tells a subscriber the last id before the first item, at once where it is known", () => {
  const { hub, link } = newHub();
  using _hub = hub;
  const a = new RecordingSubscriber("a");
  const b = new RecordingSubscriber("b");
  const late = new RecordingSubscriber("late");
  hub.subscribe("c", "stream", a);
  hub.subscribe("c", "stream", b);
  assertEquals(a.events, []);
  link.say({ type: "subscribed", channel: "c", lastId: "7" });
  link.say({ type: "item", seq: 1, item: streamItem("c", "8") });
  hub.subscribe("c", "stream", late);
  assertEquals(a.events, ["subscribed c 7", "item c 8"]);
  assertEquals(b.events, ["subscribed c 7", "item c 8"]);
  assertEquals(late.events, ["subscribed c 8"]);
});

Deno.test("Hub gives an item to the sessions whose format it has, and its receipt to the handler", () => {
  const { hub, link } = newHub();
  using _hub = hub;
  const stream = new RecordingSubscriber("stream");
  const poll = new RecordingSubscriber("poll");
  hub.subscribe("c", "stream", stream);
  hub.subscribe("c", "response", poll);
  link.say({ type: "item", seq: 5, item: streamItem("c") });
  assertEquals(poll.events, []);
  assertEquals(link.sent.at(-1), {
    type: "receipt",
    seq: 5,
    receipt: { matched: 1, matchedByMode: { response: 0, stream: 1, ws: 0 }, dropped: {} },
  });
});

Deno.test("Hub announces everything it knows to a handler that comes back, with the last ids seen here", () => {
  const { hub, link } = newHub();
  using _hub = hub;
  const a = new RecordingSubscriber("a");
  hub.subscribe("c", "stream", a);
  hub.subscribe("d", "response", a);
  link.say({ type: "item", seq: 1, item: streamItem("c", "9") });
  const fresh = new RecordingLink();
  hub.attach(fresh);
  assertEquals(fresh.sent, [
    { type: "subscribe", channel: "c", lastId: "9" },
    { type: "subscribe", channel: "d", lastId: undefined },
  ]);
});

Deno.test("Hub tells sessions a second time when a link comes back, as items may have been lost with the old one", () => {
  const { hub, link } = newHub();
  using _hub = hub;
  const a = new RecordingSubscriber("a");
  hub.subscribe("c", "stream", a);
  link.say({ type: "subscribed", channel: "c", lastId: "9" });
  link.say({ type: "subscribed", channel: "c", lastId: "9" });
  link.say({ type: "subscribed", channel: "c" });
  assertEquals(a.events, ["subscribed c 9", "subscribed c 9", "subscribed c 9"]);
});

Deno.test("Hub takes no last id from an item that is outside the sequence", () => {
  const { hub, link } = newHub();
  using _hub = hub;
  const late = new RecordingSubscriber("late");
  hub.subscribe("c", "stream", new RecordingSubscriber("a"));
  link.say({ type: "subscribed", channel: "c", lastId: "9" });
  link.say({ type: "item", seq: 1, item: { ...streamItem("c", "x"), noSeq: true } });
  hub.subscribe("c", "stream", late);
  assertEquals(late.events, ["subscribed c 9"]);
});

Deno.test("Hub keeps a channel for the next long-poll when lingering, and not for streams", () => {
  const { hub, link } = newHub(60);
  using _hub = hub;
  const a = new RecordingSubscriber("a");
  hub.subscribe("polls", "response", a);
  hub.unsubscribe("polls", "response", a);
  hub.subscribe("streams", "stream", a);
  hub.unsubscribe("streams", "stream", a);
  assertEquals(hub.channelCount, 1);
  assertEquals(link.sent.filter((m) => m.type === "unsubscribe"), [{
    type: "unsubscribe",
    channel: "streams",
  }]);
});

Deno.test("Hub delivers to the others when one subscriber throws", () => {
  const { hub, link } = newHub();
  using _hub = hub;
  const bad = new RecordingSubscriber("bad");
  bad.item = () => {
    throw new Error("boom");
  };
  const good = new RecordingSubscriber("good");
  hub.subscribe("c", "stream", bad);
  hub.subscribe("c", "stream", good);
  link.say({ type: "item", seq: 1, item: streamItem("c", "1") });
  assertEquals(good.events, ["item c 1"]);
  assertEquals(link.sent.at(-1), {
    type: "receipt",
    seq: 1,
    receipt: { matched: 2, matchedByMode: { response: 0, stream: 2, ws: 0 }, dropped: { error: 1 } },
  });
});

Deno.test("Hub has every session recover once, however many channels it listens to", () => {
  const { hub, link } = newHub();
  using _hub = hub;
  const a = new RecordingSubscriber("a");
  hub.subscribe("c", "stream", a);
  hub.subscribe("d", "stream", a);
  link.say({ type: "recover" });
  assertEquals(a.events, ["recover"]);
});

Deno.test("Hub tells its watch of every number of subscribers, and of an end when the linger is over", async () => {
  const { hub } = newHub(0.05);
  using _hub = hub;
  const told: string[] = [];
  const over = Promise.withResolvers<void>();
  hub.watchSubscriptions((mode, channel, subscribers) => {
    told.push(`${mode} ${channel} ${subscribers}`);
    if (mode === "response" && subscribers === undefined) over.resolve();
  });
  const [a, b] = [new RecordingSubscriber("a"), new RecordingSubscriber("b")];
  hub.subscribe("s", "stream", a);
  hub.subscribe("s", "stream", b);
  hub.subscribe("p", "response", a);
  hub.unsubscribe("s", "stream", a);
  hub.unsubscribe("p", "response", a);
  assertEquals([...hub.subscriptions()], [
    { mode: "stream", channel: "s", subscribers: 1 },
    { mode: "response", channel: "p", subscribers: 0 },
  ]);
  hub.unsubscribe("s", "stream", b);
  await over.promise;
  assertEquals(told, [
    "stream s 1",
    "stream s 2",
    "response p 1",
    "stream s 1",
    "response p 0",
    "stream s undefined",
    "response p undefined",
  ]);
  assertEquals([...hub.subscriptions()], []);
});

Deno.test("Hub says what statistics the handler wants, and that a lost one wants none", async () => {
  const { hub, link } = newHub();
  using _hub = hub;
  const wanted: (readonly string[])[] = [];
  hub.collectStats((types) => void wanted.push(types));
  link.say({ type: "want-stats", types: ["conn", "sub"] });
  hub.report({ packets: [{ type: "conn", fields: { id: "p:1" } }] });
  assertEquals(link.sent, [{ type: "stats", packets: [{ type: "conn", fields: { id: "p:1" } }] }]);
  await link[Symbol.asyncDispose]();
  assertEquals(wanted, [["conn", "sub"], []]);
});
