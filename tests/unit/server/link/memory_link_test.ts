import { assertEquals } from "@std/assert";
import { createMemoryLink } from "../../../../src/server/link/memory_link.ts";
import { nextTurn } from "../../../../src/server/link/turn.ts";

const KB = 1024;

/** How many of 1 000 messages sent in one go have come after each turn of the event loop. */
async function arrivals(bytes: number, turns: number): Promise<readonly number[]> {
  const [proxy, handler] = createMemoryLink<string, string>({ weigh: () => bytes });
  let got = 0;
  proxy.receive(() => got++);
  const sent = Array.from({ length: 1_000 }, () => handler.send("item"));
  const counts = [];
  for (let i = 0; i < turns; i++) {
    await nextTurn();
    counts.push(got);
  }
  await Promise.all(sent);
  assertEquals(got, 1_000);
  await handler[Symbol.asyncDispose]();
  return counts;
}

Deno.test("MemoryLink hands over 256 small messages a turn, so that sockets are written in between", async () => {
  assertEquals(await arrivals(10, 4), [256, 512, 768, 1_000]);
});

Deno.test("MemoryLink hands over 64 KB of large messages a turn, and one at least", async () => {
  assertEquals(await arrivals(10 * KB, 3), [7, 14, 21]);
  assertEquals(await arrivals(KB * KB, 3), [1, 2, 3]);
});

Deno.test("MemoryLink that is closed between two turns loses the rest, and says so to its senders", async () => {
  const [proxy, handler] = createMemoryLink<string, string>();
  let got = 0;
  proxy.receive(() => got++);
  const sent = Array.from({ length: 300 }, () => handler.send("item"));
  await nextTurn();
  await proxy[Symbol.asyncDispose]();
  const settled = await Promise.allSettled(sent);
  assertEquals([got, settled.filter(({ status }) => status === "fulfilled").length], [256, 256]);
});
