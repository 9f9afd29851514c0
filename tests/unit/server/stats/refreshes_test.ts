import { assertEquals } from "@std/assert";
import { Refreshes } from "../../../../src/server/stats/refreshes.ts";
import { FakeTimers } from "../../../helpers/fake_timers.ts";

function newRefreshes(periodMs = 1000) {
  const timers = new FakeTimers();
  const told: string[] = [];
  const refresh = (key: string) => void told.push(`${key} ${timers.now()}`);
  return { timers, told, refreshes: new Refreshes({ timers, now: timers.now, periodMs, refresh }) };
}

Deno.test("Refreshes tells each key every period until it is deleted", () => {
  const { timers, told, refreshes } = newRefreshes();
  refreshes.add("a");
  timers.pass(300);
  refreshes.add("b");
  timers.pass(2000);
  refreshes.delete("a");
  timers.pass(1000);
  assertEquals(told, ["a 1000", "b 1300", "a 2000", "b 2300", "b 3300"]);
});

Deno.test("Refreshes.add() of what is there begins its period anew", () => {
  const { timers, told, refreshes } = newRefreshes();
  refreshes.add("a");
  timers.pass(900);
  refreshes.add("a");
  timers.pass(1000);
  assertEquals(told, ["a 1900"]);
});

Deno.test("Refreshes.add() after clear() is not late because of a timer that was set before", () => {
  const { timers, told, refreshes } = newRefreshes(60_000);
  refreshes.add("a");
  refreshes.clear();
  refreshes.add("b", 0);
  refreshes.add("c", 10);
  timers.pass(10);
  assertEquals(told, ["b 0", "c 10"]);
  timers.pass(60_000);
  assertEquals(told, ["b 0", "c 10", "b 60000", "c 60010"]);
});

Deno.test("Refreshes holds one timer for a hundred thousand keys, and none for no key", () => {
  const { timers, told, refreshes } = newRefreshes();
  for (let i = 0; i < 100_000; i++) refreshes.add(`${i}`);
  assertEquals(timers.size, 1);
  timers.pass(1000);
  assertEquals(told.length, 100_000);
  for (let i = 0; i < 100_000; i++) refreshes.delete(`${i}`);
  timers.pass(1000);
  assertEquals(timers.size, 0);
});
