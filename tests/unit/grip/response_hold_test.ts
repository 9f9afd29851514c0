import { assertEquals } from "@std/assert";
import type { Hold, Instruct } from "../../../src/grip/instruct.ts";
import type { HoldOptions } from "../../../src/grip/held_channels.ts";
import { ResponseHold } from "../../../src/grip/response_hold.ts";
import { bytes, instruct, type ItemParts, publishItem, RecordingPort } from "../../helpers/recording_port.ts";

const C = { name: "c", filters: [] };
type Parts = Partial<Instruct> & { readonly bodyText?: string; readonly timeoutSeconds?: number };

function hold(parts: Parts = {}, setUp: { port?: RecordingPort; options?: HoldOptions } = {}) {
  const port = setUp.port ?? new RecordingPort();
  const mode: Hold = { mode: "response", timeoutSeconds: parts.timeoutSeconds ?? 55 };
  const machine = new ResponseHold(
    port,
    { ...instruct({ channels: [C], bodyText: "held\n", ...parts }), hold: mode },
    setUp.options,
  );
  port.hold = machine;
  machine.start();
  const item = (p: ItemParts, channel = "c") => machine.item(port.channel(channel), publishItem(p));
  return { port, machine, item };
}

function withLastId(lastId: string | undefined, name = "c"): RecordingPort {
  const port = new RecordingPort();
  port.lastIds.set(name, lastId);
  return port;
}

Deno.test("ResponseHold answers with the held response at its timeout", () => {
  const { port } = hold({ timeoutSeconds: 20 });
  port.pass(19_999);
  assertEquals(port.take(), ["subscribe c"]);
  port.pass(1);
  assertEquals(
    port.take(),
    [
      "unsubscribe c",
      "end timeout",
    ].toSpliced(0, 0, `respond 200 Content-Type=text/plain "held\\n"`),
  );
});

Deno.test("ResponseHold.item() answers with the first item and ignores the rest", () => {
  const { port, item, machine } = hold({ channels: [C, { name: "d", filters: [] }] });
  port.take();
  const other = port.channel("d");
  assertEquals(item({ response: "hello\n" }), "sent");
  assertEquals(port.take(), [
    `respond 200 Content-Type=text/plain "hello\\n"`,
    "unsubscribe c",
    "unsubscribe d",
    "end delivered",
  ]);
  assertEquals(machine.item(other, publishItem({ channel: "d", response: "late" })), "ended");
  machine.clientGone();
  machine.update();
  port.pass(100_000);
  assertEquals(port.take(), []);
});

Deno.test("ResponseHold.item() lays published headers over the held ones and keeps Grip-* to itself", () => {
  const { port, item } = hold({
    head: { code: 200, reason: "OK", headers: [["Content-Type", "text/plain"], ["X-Held", "1"]] },
  });
  port.take();
  item({
    response: {
      action: "send",
      code: 404,
      reason: "Not Found",
      headers: [["content-type", "application/json"], ["Grip-Hold", "stream"], ["Content-Length", "99"], [
        "X-New",
        "2",
      ]],
      body: bytes("{}"),
    },
  });
  assertEquals(port.take()[0], `respond 404 X-Held=1 content-type=application/json X-New=2 "{}"`);
});

Deno.test("ResponseHold.item() keeps only what a published Grip-Expose-Headers names", () => {
  const { port, item } = hold({
    head: { code: 200, reason: "OK", headers: [["Content-Type", "text/plain"], ["X-Held", "1"]] },
  });
  port.take();
  const headers = [["X-New", "2"], ["Grip-Expose-Headers", "x-held"], [
    "Grip-Expose-Headers",
    "X-Other, content-type",
  ]] as const;
  item({ response: { action: "send", code: 200, reason: "OK", headers, body: bytes("") } });
  assertEquals(port.take()[0], `respond 200 Content-Type=text/plain X-Held=1 ""`);
});

Deno.test("ResponseHold.item() patches the held body, and sends none where the patch fails", () => {
  const patch = [{ op: "replace", path: "/a", value: 2 }];
  const response = { action: "send", code: 200, reason: "OK", headers: [], body: { patch } } as const;
  const good = hold({ bodyText: '{"a":1}\n' });
  good.item({ response });
  assertEquals(good.port.events[1], `respond 200 Content-Type=text/plain "{\\"a\\":2}\\n"`);
  const bad = hold({ bodyText: "no json" });
  assertEquals(bad.item({ response }), "sent");
  assertEquals(bad.port.events.filter((e) => e.startsWith("respond")), [
    `respond 200 Content-Type=text/plain ""`,
  ]);
  assertEquals(bad.port.events.some((e) => e.startsWith("note Sent without body")), true);
});

Deno.test("ResponseHold.start() asks the origin again at once where the last id is another", () => {
  const { port, machine } = hold({ channels: [{ ...C, prevId: "a" }] }, { port: withLastId("b") });
  assertEquals(port.take(), [
    "subscribe c",
    "forget c",
    "unsubscribe c",
    "ask retry Grip-Last: c; last-id=a",
  ]);
  assertEquals(port.timerMs("timeout"), undefined);
  machine.clientGone();
  assertEquals(port.take(), []);
});

Deno.test("ResponseHold.start() forgets every conflicting channel before it asks, and names all that have ids", () => {
  const port = withLastId("b");
  port.lastIds.set("d", "x");
  port.lastIds.set("e", "z");
  const channels = ["c", "d", "e", "f"].map((name, i) => ({
    name,
    filters: [],
    prevId: ["a", "x", "y", undefined][i],
  }));
  hold({ channels }, { port });
  assertEquals(port.events.slice(4), [
    "forget c",
    "forget e",
    "unsubscribe c",
    "unsubscribe d",
    "unsubscribe e",
    "unsubscribe f",
    "ask retry Grip-Last: c; last-id=a Grip-Last: d; last-id=x Grip-Last: e; last-id=y",
  ]);
});

Deno.test("ResponseHold.subscribed() compares when the answer comes later, and waits where ids agree or none is known", () => {
  for (const [lastId, events] of [["a", []], [undefined, []], ["b", ["forget c"]]] as const) {
    const { port, machine } = hold({ channels: [{ ...C, prevId: "a" }] });
    port.take();
    machine.subscribed(port.channel("c"), lastId);
    assertEquals(port.take().slice(0, 1), [...events]);
  }
});

Deno.test("ResponseHold.subscribed() a second time has a session with ids ask the origin soon", () => {
  const { port, machine } = hold({ channels: [{ ...C, prevId: "a" }] }, { port: withLastId("a") });
  machine.subscribed(port.channel("c"), "a");
  assertEquals(port.take(), ["subscribe c", "update low"]);
  const plain = hold({}, { port: withLastId("a") });
  plain.machine.subscribed(plain.port.channel("c"), "b");
  assertEquals(plain.port.take(), ["subscribe c"]);
});

Deno.test("ResponseHold.item() with the wrong prev-id is not delivered but asked for", () => {
  const { port, item, machine } = hold({ channels: [{ ...C, prevId: "a" }] }, { port: withLastId("a") });
  port.take();
  assertEquals(item({ id: "c", prevId: "b", response: "c" }), "gap");
  assertEquals(port.take(), ["forget c", "update low"]);
  machine.update();
  assertEquals(port.take(), ["unsubscribe c", "ask retry Grip-Last: c; last-id=a"]);
});

Deno.test("ResponseHold.item() with the right prev-id is delivered", () => {
  const { port, item } = hold({ channels: [{ ...C, prevId: "a" }] }, { port: withLastId("a") });
  assertEquals(item({ id: "b", prevId: "a", response: "b" }), "sent");
  assertEquals(port.events.at(-1), "end delivered");
});

Deno.test("ResponseHold.item() with a hint asks at once for what the client has not", () => {
  const { port, item, machine } = hold({ channels: [{ ...C, prevId: "a" }] }, { port: withLastId("a") });
  port.take();
  assertEquals(item({ id: "b", prevId: "a", response: { action: "hint" } }), "hint");
  assertEquals(port.take(), ["update high"]);
  machine.update();
  assertEquals(port.take(), ["unsubscribe c", "ask retry Grip-Last: c; last-id=a"]);
});

Deno.test("ResponseHold.item() does nothing for close, refresh and other formats, but follows the ids", () => {
  const { port, item } = hold({ channels: [{ ...C, prevId: "a" }] }, { port: withLastId("a") });
  port.take();
  assertEquals(item({ stream: "x" }), "no-action");
  assertEquals(item({ id: "b", prevId: "a", response: { action: "close" } }), "no-action");
  assertEquals(port.take(), []);
  assertEquals(item({ id: "c", prevId: "b", response: "c" }), "sent");
});

Deno.test("ResponseHold.updateSoon() asks the origin with low priority", () => {
  const { port, machine } = hold();
  port.take();
  machine.updateSoon();
  machine.update();
  assertEquals(port.take(), ["update low", "unsubscribe c", "ask retry"]);
});

Deno.test("ResponseHold posts to the gone link however it ends, and before a retry", () => {
  const gone = { goneLink: "/gone" };
  const ends: [string, (h: ReturnType<typeof hold>) => void][] = [
    ["end client-gone", (h) => h.machine.clientGone()],
    ["end delivered", (h) => void h.item({ response: "x" })],
    ["end timeout", (h) => h.port.pass(55_000)],
    ["end drained", (h) => h.machine.drain()],
    ["end error", (h) => h.machine.fail()],
    ["ask retry", (h) => h.machine.update()],
  ];
  for (const [last, end] of ends) {
    const h = hold(gone);
    end(h);
    assertEquals(h.port.events.slice(-2), ["ask gone /gone", last]);
  }
});

Deno.test("ResponseHold subscribes to maxChannels of its channels and to the implicit ones", () => {
  const channels = Array.from({ length: 21 }, (_, i) => ({ name: `c${i}`, filters: [] }));
  const { port } = hold({ channels }, { options: { implicitChannels: ["all"] } });
  const subscribed = port.events.filter((e) => e.startsWith("subscribe"));
  assertEquals([subscribed.length, subscribed[0], subscribed.at(-1)], [
    21,
    "subscribe all implicit",
    "subscribe c19",
  ]);
  assertEquals(port.events.filter((e) => e.startsWith("note")), [
    `note Channel "c20" ignored: the connection has 20 already`,
  ]);
  assertEquals(port.channel("all").implicit, true);
});

Deno.test("ResponseHold.item() filters: dropped items advance the ids, errors skip the item", () => {
  const parts = {
    channels: [{ name: "c", prevId: "a", filters: ["skip-self"] }],
    meta: new Map([["user", "me"]]),
  };
  const { port, item } = hold(parts, { port: withLastId("a") });
  port.take();
  assertEquals(item({ id: "b", prevId: "a", response: "mine", meta: new Map([["sender", "me"]]) }), "filter");
  assertEquals(port.take(), []);
  assertEquals(item({ id: "c", prevId: "b", response: "yours" }), "sent");
});

Deno.test("ResponseHold.item() tells a debug client of a filter that fails, and another client nothing", () => {
  const parts = { channels: [{ name: "c", filters: ["var-subst"] }] };
  const quiet = hold(parts);
  assertEquals(quiet.item({ response: "%(name)s" }), "filter-failed");
  assertEquals(quiet.port.events.slice(1), ["dropped c filter-failed"]);
  const debug = hold(parts, { options: { debug: true } });
  debug.item({ response: "%(name)s" });
  assertEquals(debug.port.events.at(-1), "end filter-failed");
  assertEquals(debug.port.events.some((e) => e.startsWith("respond 502")), true);
});

Deno.test("ResponseHold.item() needs the filters that a publisher names", () => {
  const response = (contentFilters: string[]) =>
    ({ action: "send", code: 200, reason: "OK", headers: [], body: bytes("%(n)s"), contentFilters }) as const;
  const plain = hold();
  assertEquals(plain.item({ response: response(["var-subst"]) }), "content-filters");
  const filtered = hold({ channels: [{ name: "c", filters: ["var-subst"] }], meta: new Map([["n", "v"]]) });
  assertEquals(filtered.item({ response: response(["var-subst"]) }), "sent");
  assertEquals(filtered.port.events[1], `respond 200 Content-Type=text/plain "v"`);
});

Deno.test("ResponseHold names channels in Grip-Last as headers can carry them", () => {
  const { port, machine } = hold({ channels: [{ name: `a,"b"`, prevId: "é;1", filters: [] }] });
  machine.update();
  assertEquals(port.events.at(-1), `ask retry Grip-Last: "a,\\"b\\""; last-id="\u00c3\u00a9;1"`);
});
