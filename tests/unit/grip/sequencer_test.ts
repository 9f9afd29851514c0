import { assertEquals } from "@std/assert";
import type { PublishItem } from "../../../src/grip/publish_item.ts";
import { Sequencer } from "../../../src/grip/sequencer.ts";

function item(id: string | undefined, prevId?: string, options: Partial<PublishItem> = {}): PublishItem {
  return { channel: "c", id, prevId, formats: {}, meta: new Map(), noSeq: false, ...options };
}

/** Ids that went out, or the verdict where none did. */
function push(sequencer: Sequencer, pushed: PublishItem, nowMs = 0, wanted = true): string {
  const result = sequencer.push(pushed, nowMs, wanted);
  if (result.verdict === "released") return ids(result.released);
  return result.verdict === "dropped" ? result.reason : "parked";
}

const ids = (items: readonly PublishItem[]) => items.map((i) => i.id ?? "-").join(",");

Deno.test("Sequencer.push() releases the first item of a channel whatever its prev-id", () => {
  assertEquals(push(new Sequencer({ waitMs: 5000 }), item("b", "a")), "b");
});

Deno.test("Sequencer.push() holds an early item back until its predecessor comes", () => {
  const sequencer = new Sequencer({ waitMs: 5000 });
  push(sequencer, item("x"));
  assertEquals(push(sequencer, item("c", "b")), "parked");
  assertEquals(push(sequencer, item("b", "a")), "parked");
  assertEquals(push(sequencer, item("a", "x")), "a,b,c");
  assertEquals([sequencer.parkedCount, sequencer.nextExpiryMs, sequencer.lastId("c")], [0, undefined, "c"]);
});

Deno.test("Sequencer.push() lets an item without prev-id pass and follows its id", () => {
  const sequencer = new Sequencer({ waitMs: 5000 });
  push(sequencer, item("a"));
  assertEquals(push(sequencer, item("c", "b")), "parked");
  assertEquals(push(sequencer, item("b")), "b,c");
});

Deno.test("Sequencer.push() forgets the last id after an item without id", () => {
  const sequencer = new Sequencer({ waitMs: 5000 });
  push(sequencer, item("a"));
  push(sequencer, item(undefined, "a"));
  assertEquals(sequencer.lastId("c"), undefined);
  assertEquals(push(sequencer, item("z", "y")), "z");
});

Deno.test("Sequencer.push() passes no-seq items and unwanted channels without a trace", () => {
  const sequencer = new Sequencer({ waitMs: 5000 });
  push(sequencer, item("a"));
  assertEquals(push(sequencer, item("n", "m", { noSeq: true })), "n");
  assertEquals(push(sequencer, item("q", "p", { channel: "d" }), 0, false), "q");
  assertEquals([sequencer.lastId("c"), sequencer.lastId("d")], ["a", undefined]);
});

Deno.test("Sequencer.push() drops a second item that waits for the same predecessor", () => {
  const sequencer = new Sequencer({ waitMs: 5000 });
  push(sequencer, item("x"));
  push(sequencer, item("b", "a"));
  assertEquals(push(sequencer, item("b2", "a")), "same-prev-id");
});

Deno.test("Sequencer.push() drops what comes when maxParked items wait, in that channel only", () => {
  const sequencer = new Sequencer({ waitMs: 5000 });
  push(sequencer, item("x"));
  push(sequencer, item("x", undefined, { channel: "d" }));
  for (let i = 0; i < 100; i++) assertEquals(push(sequencer, item(`p${i}`, `q${i}`)), "parked");
  assertEquals(push(sequencer, item("z", "y")), "parked-full");
  assertEquals(push(sequencer, item("z", "y", { channel: "d" })), "parked");
});

Deno.test("Sequencer.expire() lets an item go after waitMs, with what follows it", () => {
  const sequencer = new Sequencer({ waitMs: 5000 });
  push(sequencer, item("x"));
  push(sequencer, item("b", "a"), 1000);
  push(sequencer, item("c", "b"), 3000);
  assertEquals(sequencer.nextExpiryMs, 6000);
  assertEquals(ids(sequencer.expire(5999)), "");
  assertEquals(ids(sequencer.expire(6000)), "b,c");
  assertEquals([sequencer.parkedCount, sequencer.lastId("c")], [0, "c"]);
});

Deno.test("Sequencer.expire() does not turn two waiting items round that came turned round", () => {
  const sequencer = new Sequencer({ waitMs: 5000 });
  push(sequencer, item("x"));
  push(sequencer, item("c", "b"), 0);
  push(sequencer, item("b", "a"), 4000);
  assertEquals(ids(sequencer.expire(5000)), "b,c");
});

Deno.test("Sequencer.expire() ends where two items name each other as predecessors", () => {
  const sequencer = new Sequencer({ waitMs: 5000 });
  push(sequencer, item("x"));
  push(sequencer, item("a", "b"), 0);
  push(sequencer, item("b", "a"), 0);
  assertEquals(ids(sequencer.expire(5000)), "a,b");
  assertEquals(sequencer.parkedCount, 0);
});

Deno.test("Sequencer.forget() lets the next item pass, and keeps what is parked", () => {
  const sequencer = new Sequencer({ waitMs: 5000 });
  push(sequencer, item("a"));
  push(sequencer, item("d", "c"));
  sequencer.forget("c");
  assertEquals(push(sequencer, item("c", "b")), "c,d");
});

Deno.test("Sequencer.clear() forgets a channel's last id and its waiting items", () => {
  const sequencer = new Sequencer({ waitMs: 5000 });
  push(sequencer, item("a"));
  push(sequencer, item("d", "c"));
  push(sequencer, item("a", undefined, { channel: "e" }));
  assertEquals([sequencer.clear("c"), sequencer.clear("c")], [1, 0]);
  assertEquals([sequencer.parkedCount, sequencer.lastId("c"), sequencer.lastId("e")], [0, undefined, "a"]);
  sequencer.forgetAll();
  assertEquals(sequencer.lastId("e"), undefined);
});

Deno.test("Sequencer forgets the channel unused longest beyond maxChannels", () => {
  const sequencer = new Sequencer({ waitMs: 5000, maxChannels: 2 });
  for (const channel of ["a", "b", "a", "d"]) push(sequencer, item("1", undefined, { channel }));
  assertEquals(["a", "b", "d"].map((c) => sequencer.lastId(c)), ["1", undefined, "1"]);
});
