import { assertEquals } from "@std/assert";
import { UpdateScheduler } from "../../../../src/server/proxy/updates.ts";

function scheduler() {
  const steps: (() => void)[] = [];
  const thrown: unknown[] = [];
  const ran: string[] = [];
  const updates = new UpdateScheduler(
    { set: (delayMs, fire) => assertEquals(delayMs, 100) ?? steps.push(fire) },
    (error) => thrown.push(error),
  );
  const session = (name: string) => ({ update: () => void ran.push(name) });
  return { updates, session, ran, thrown, step: () => steps.shift()?.(), steps };
}

Deno.test("UpdateScheduler runs LOW updates a hundred a step, those of one key together", () => {
  const { updates, session, ran, step, steps } = scheduler();
  for (let i = 0; i < 150; i++) updates.request(session(i % 2 === 0 ? "even" : "odd"), "low", String(i % 2));
  assertEquals([ran.length, steps.length], [0, 1]);
  step();
  assertEquals([ran.length, ran.slice(0, 75).every((n) => n === "even"), updates.size], [100, true, 50]);
  step();
  assertEquals([ran.length, updates.size, steps.length], [150, 0, 0]);
});

Deno.test("UpdateScheduler runs HIGH updates at once, but not inside the call", async () => {
  const { updates, session, ran, step } = scheduler();
  const one = session("one");
  updates.request(one, "low", "");
  updates.request(one, "high", "");
  updates.request(one, "low", "");
  assertEquals(ran, []);
  await Promise.resolve();
  assertEquals(ran, ["one"]);
  step();
  assertEquals(ran, ["one"]);
});

Deno.test("UpdateScheduler.request() again changes nothing, and cancel() takes it back", async () => {
  const { updates, session, ran, step } = scheduler();
  const one = session("one");
  const two = session("two");
  for (let i = 0; i < 3; i++) updates.request(one, "low", "k");
  updates.request(two, "high", "k");
  updates.cancel(two);
  await Promise.resolve();
  step();
  assertEquals([ran, updates.size], [["one"], 0]);
});

Deno.test("UpdateScheduler goes on where an update throws", () => {
  const { updates, session, ran, thrown, step } = scheduler();
  updates.request(
    {
      update: () => {
        throw new Error("bug");
      },
    },
    "low",
    "",
  );
  updates.request(session("fine"), "low", "");
  step();
  assertEquals([ran, thrown.length], [["fine"], 1]);
});
