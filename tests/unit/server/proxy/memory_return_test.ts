import { assertEquals } from "@std/assert";
import { TimerWheel } from "../../../../src/server/hub/timer_wheel.ts";
import { MemoryReturn } from "../../../../src/server/proxy/memory_return.ts";
import { recordLog } from "../../../helpers/log_recorder.ts";

/** Under test with a clock of its own and a trim that only counts, unless told otherwise. */
function returning(trim?: () => void) {
  const clock = { ms: 0 };
  const timers = new TimerWheel({
    now: () => clock.ms,
    onError: (thrown) => {
      throw thrown;
    },
  });
  const log = recordLog();
  let trimmed = 0;
  const memory = new MemoryReturn({ timers, log, trim: trim ?? (() => void trimmed++) });
  const after = (ms: number) => {
    clock.ms += ms;
    timers.sweep();
  };
  return { memory, timers, log, after, trimmed: () => trimmed };
}

Deno.test("MemoryReturn trims half a minute after a thousand holds have come or ended, once for each", () => {
  const { memory, timers, after, trimmed } = returning();
  using _timers = timers;
  for (let holds = 1; holds <= 1500; holds++) memory.counted(holds);
  after(29_900);
  assertEquals(trimmed(), 0);
  after(200);
  assertEquals(trimmed(), 1);
  for (let holds = 1499; holds >= 200; holds--) memory.counted(holds);
  after(30_100);
  assertEquals(trimmed(), 2);
  memory.counted(199);
  after(60_000);
  assertEquals(trimmed(), 2);
});

Deno.test("MemoryReturn trims after holds that came and went in between", () => {
  const { memory, timers, after, trimmed } = returning();
  using _timers = timers;
  memory.counted(5000);
  memory.counted(0);
  after(31_000);
  assertEquals(trimmed(), 1);
});

Deno.test("MemoryReturn leaves the allocator alone where few holds ended or most came back", () => {
  const { memory, timers, after, trimmed } = returning();
  using _timers = timers;
  memory.counted(1500);
  after(31_000);
  assertEquals(trimmed(), 1);
  memory.counted(600);
  after(40_000);
  assertEquals([trimmed(), timers.size], [1, 0]);
  memory.counted(100);
  memory.counted(1400);
  after(40_000);
  assertEquals(trimmed(), 1);
});

Deno.test("MemoryReturn says in the log why it could not", () => {
  const { memory, timers, after, log } = returning(() => {
    throw new Error("no libc.so.6");
  });
  using _timers = timers;
  memory.counted(2000);
  memory.counted(0);
  after(31_000);
  assertEquals(log.lines.map(({ level, message, fields }) => [level, message, fields.reason]), [
    ["debug", "memory not returned", "no libc.so.6"],
  ]);
});

Deno.test({
  name: "MemoryReturn's own trim finds the system's allocator",
  ignore: Deno.build.os !== "linux",
  fn() {
    const clock = { ms: 0 };
    using timers = new TimerWheel({ now: () => clock.ms, onError: () => {} });
    const log = recordLog();
    const memory = new MemoryReturn({ timers, log });
    memory.counted(5000);
    memory.counted(0);
    clock.ms = 31_000;
    timers.sweep();
    assertEquals(log.lines.map(({ message }) => message), ["memory returned"]);
  },
});
