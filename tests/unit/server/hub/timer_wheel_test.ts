import { assertEquals } from "@std/assert";
import { TICK_MS, type TimerHandle, TimerWheel } from "../../../../src/server/hub/timer_wheel.ts";
import { Random } from "../../../helpers/random.ts";

/** A wheel on a clock of the test's own; the runtime's interval is there, but nothing is left to it. */
function wheelAt(start = 0) {
  const clock = { ms: start };
  const errors: unknown[] = [];
  const wheel = new TimerWheel({ now: () => clock.ms, onError: (thrown) => errors.push(thrown) });
  const to = (ms: number) => {
    clock.ms = ms;
    wheel.sweep();
  };
  return { clock, errors, wheel, to };
}

Deno.test("TimerWheel fires once, not before its time and at most a tick after", () => {
  const { wheel, to } = wheelAt(7);
  using _wheel = wheel;
  let fired = 0;
  wheel.set(1000, () => fired++);
  to(1006);
  assertEquals(fired, 0);
  to(1007 + TICK_MS);
  assertEquals(fired, 1);
  to(100_000);
  assertEquals([fired, wheel.size], [1, 0]);
});

Deno.test("TimerWheel keeps a timer for later rounds when its delay is longer than a turn of the wheel", () => {
  const { wheel, to } = wheelAt();
  using _wheel = wheel;
  let fired = 0;
  wheel.set(120_000, () => fired++);
  for (let ms = 0; ms < 120_000; ms += 990) to(ms);
  assertEquals(fired, 0);
  to(120_050);
  assertEquals(fired, 1);
});

Deno.test("TimerWheel.move() and clear() work from inside a timer that fires in the same tick", () => {
  const { wheel, to } = wheelAt();
  using _wheel = wheel;
  const fired: string[] = [];
  const handles: TimerHandle[] = [];
  handles.push(wheel.set(100, () => {
    fired.push("a");
    wheel.clear(handles[1]!);
    wheel.move(handles[2]!, 500);
  }));
  handles.push(wheel.set(100, () => fired.push("b")));
  handles.push(wheel.set(100, () => fired.push("c")));
  handles.push(wheel.set(100, () => fired.push("d")));
  to(150);
  assertEquals(fired, ["a", "d"]);
  to(700);
  assertEquals(fired, ["a", "d", "c"]);
});

Deno.test("TimerWheel tells of a timer that throws and fires the others", () => {
  const { wheel, errors, to } = wheelAt();
  using _wheel = wheel;
  let fired = 0;
  wheel.set(10, () => {
    throw new Error("boom");
  });
  wheel.set(10, () => fired++);
  to(100);
  assertEquals([fired, errors.length], [1, 1]);
});

Deno.test("TimerWheel agrees with a sorted list about 2000 random timers", () => {
  const random = new Random(11);
  const { clock, wheel, to } = wheelAt();
  using _wheel = wheel;
  const due = new Map<number, number>();
  const fired = new Map<number, number>();
  const handles = new Map<number, TimerHandle>();
  for (let i = 0; i < 2000; i++) {
    const delay = random.int(0, 60_000);
    due.set(i, clock.ms + delay);
    handles.set(i, wheel.set(delay, () => fired.set(i, clock.ms)));
    const other = random.int(0, i);
    if (random.int(0, 3) === 0 && !fired.has(other)) {
      wheel.clear(handles.get(other)!);
      due.delete(other);
    }
    to(clock.ms + random.int(0, 40));
  }
  while (wheel.size > 0) to(clock.ms + 20);
  assertEquals([...fired.keys()].sort((a, b) => a - b), [...due.keys()].sort((a, b) => a - b));
  for (const [i, at] of fired) {
    const late = at - due.get(i)!;
    assertEquals(late >= 0 && late <= TICK_MS + 40, true, `timer ${i} fired ${late} ms late`);
  }
});
