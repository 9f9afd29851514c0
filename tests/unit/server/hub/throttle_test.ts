import { assertEquals } from "@std/assert";
import { Throttle } from "../../../../src/server/hub/throttle.ts";
import { TICK_MS, TimerWheel } from "../../../../src/server/hub/timer_wheel.ts";

function throttleAt(options: { rate: number; highWaterMark?: number; blockBytes?: number }) {
  const clock = { ms: 0 };
  const timers = new TimerWheel({
    now: () => clock.ms,
    onError: (thrown) => {
      throw thrown;
    },
  });
  const throttle = new Throttle({ highWaterMark: 0, ...options, timers });
  const tick = () => {
    clock.ms += TICK_MS;
    timers.sweep();
  };
  return { throttle, tick, timers };
}

Deno.test("Throttle lets a tick's share go at once and the rest tick by tick, in order", () => {
  const { throttle, tick, timers } = throttleAt({ rate: 1000 * 3 / TICK_MS });
  using _timers = timers;
  const out: number[] = [];
  for (let i = 0; i < 8; i++) throttle.offer("", 1, () => out.push(i));
  assertEquals(out, [0, 1, 2]);
  tick();
  assertEquals(out, [0, 1, 2, 3, 4, 5]);
  tick();
  assertEquals(out, [0, 1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("Throttle keeps a rate below one delivery a tick", () => {
  const { throttle, tick, timers } = throttleAt({ rate: 1000 / (4 * TICK_MS) });
  using _timers = timers;
  let delivered = 0;
  for (let i = 0; i < 20; i++) throttle.offer("", 1, () => delivered++);
  const seen = [delivered];
  for (let i = 0; i < 12; i++) {
    tick();
    seen.push(delivered);
  }
  assertEquals(seen, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4]);
});

Deno.test("Throttle serves routes in turn", () => {
  const { throttle, tick, timers } = throttleAt({ rate: 1000 * 2 / TICK_MS });
  using _timers = timers;
  const out: string[] = [];
  for (let i = 0; i < 4; i++) throttle.offer("busy", 1, () => out.push(`busy${i}`));
  throttle.offer("quiet", 1, () => out.push("quiet"));
  tick();
  assertEquals(out, ["busy0", "busy1", "busy2", "quiet"]);
});

Deno.test("Throttle refuses what would go over the high-water mark", () => {
  const { throttle, timers } = throttleAt({ rate: 1000 / TICK_MS, highWaterMark: 2 });
  using _timers = timers;
  const taken = [0, 1, 2, 3].map(() => throttle.offer("", 1, () => {}));
  assertEquals(taken, [true, true, true, false]);
});

Deno.test("Throttle weighs deliveries by begun blocks", () => {
  const { throttle, tick, timers } = throttleAt({ rate: 1000 * 2 / TICK_MS, blockBytes: 100 });
  using _timers = timers;
  const out: string[] = [];
  throttle.offer("", 350, () => out.push("heavy"));
  throttle.offer("", 1, () => out.push("light"));
  assertEquals(out, ["heavy"]);
  tick();
  assertEquals(out, ["heavy"]);
  tick();
  assertEquals(out, ["heavy", "light"]);
});
