/** The queues and tables inside the sockets. */
import { assertEquals } from "@std/assert";
import { Fifo } from "../../../../src/server/zmq/fifo.ts";
import { Inbox } from "../../../../src/server/zmq/inbox.ts";
import { PrefixTable, topicBytes, topicKey } from "../../../../src/server/zmq/prefix_table.ts";
import { Random } from "../../../helpers/random.ts";

Deno.test("Fifo gives back in order, over any number of pushes and shifts", () => {
  const random = new Random(56);
  const fifo = new Fifo<number>();
  const model: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    if (random.chance(0.55)) {
      fifo.push(i);
      model.push(i);
    } else assertEquals(fifo.shift(), model.shift());
    assertEquals(fifo.length, model.length);
    assertEquals(fifo.peek(), model[0]);
  }
  assertEquals(fifo.drain(), model);
  assertEquals(fifo.length, 0);
});

Deno.test("Inbox takes one message of each peer in turns", async () => {
  const inbox = new Inbox<string, string>({ messages: 100, bytes: 1000 });
  for (const item of ["a1", "a2", "a3"]) inbox.put("a", item, 1);
  for (const item of ["b1", "b2"]) inbox.put("b", item, 1);
  inbox.put("c", "c1", 1);
  assertEquals(await inbox.take(4), ["a1", "b1", "c1", "a2"]);
  inbox.put("c", "c2", 1);
  assertEquals(await inbox.take(100), ["b2", "a3", "c2"]);
});

Deno.test("Inbox stops a full lane until it is down to half, by messages and by bytes, and no other", async () => {
  const inbox = new Inbox<string, number>({ messages: 4, bytes: 100 });
  for (let i = 0; i < 3; i++) assertEquals(inbox.put("a", i, 1), undefined);
  let room = false;
  const waiting = inbox.put("a", 3, 1)?.then(() => room = true);
  assertEquals(inbox.put("b", 0, 1), undefined);
  await inbox.take(2);
  await Promise.resolve();
  assertEquals(room, false);
  await inbox.take(1);
  await waiting;
  assertEquals(room, true);
  const heavy = inbox.put("c", 0, 200);
  assertEquals(heavy === undefined, false);
  await inbox.take(10);
  await heavy;
});

Deno.test("Inbox keeps what a peer sent before it left, and lets its reader go", async () => {
  const inbox = new Inbox<string, number>({ messages: 1, bytes: 100 });
  const waiting = inbox.put("a", 1, 1);
  inbox.leave("a");
  await waiting;
  assertEquals(await inbox.take(1), [1]);
});

Deno.test("Inbox.close() wakes whoever takes and whoever waits for room, and lets what is there be taken", async () => {
  const inbox = new Inbox<string, number>({ messages: 1, bytes: 100 });
  const taking = inbox.take(1);
  inbox.close();
  assertEquals(await taking, undefined);
  const other = new Inbox<string, number>({ messages: 1, bytes: 100 });
  const full = other.put("a", 1, 1);
  other.close();
  await full;
  assertEquals(other.put("b", 2, 1), undefined);
  assertEquals(await other.take(5), [1]);
  assertEquals(await other.take(1), undefined);
});

Deno.test("PrefixTable finds whoever wants a prefix, once each, as a plain search would", () => {
  const random = new Random(57);
  const table = new PrefixTable<number>();
  const model = new Map<string, Set<number>>();
  for (let i = 0; i < 5_000; i++) {
    const prefix = random.text(random.int(5), "ab");
    const value = random.int(4);
    const there = model.get(prefix) ?? new Set();
    if (random.chance(0.5)) {
      assertEquals(table.add(prefix, value), there.size === 0);
      model.set(prefix, there.add(value));
    } else {
      assertEquals(table.remove(prefix, value), there.delete(value) && there.size === 0);
    }
    const topic = random.text(random.int(6), "ab");
    const wanted = new Set([...model].flatMap(([key, values]) => topic.startsWith(key) ? [...values] : []));
    assertEquals(table.matches(topic), wanted.size > 0);
    assertEquals([...table.wanting(topic)].sort(), [...wanted].sort());
  }
});

Deno.test("topicKey() and topicBytes() keep every byte, of long topics too", () => {
  const topic = new Random(58).bytes(10_000);
  assertEquals(topicBytes(topicKey(topic)), topic);
});
