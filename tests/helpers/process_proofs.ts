/**
 * The proofs of what processes promise, each as one function of its size: modest in the test run, large in
 * `deno task soak`. Linux only, as SO_REUSEPORT's spreading and /proc are.
 */
import { assert, assertEquals } from "@std/assert";
import { closeAll, openMany, PollListener, StreamListener } from "./audience.ts";
import { Backend, exchange } from "./history_backend.ts";
import { childrenOf, isAlive } from "./processes.ts";
import { Program, type ProgramOptions } from "./program.ts";
import { Publisher } from "./publisher.ts";
import { eventually, pause, within } from "./wait.ts";

export function startProgram(backend: Backend, options: ProgramOptions = {}): Promise<Program> {
  return Program.start({
    routes: [`* 127.0.0.1:${backend.port}`],
    executable: Deno.env.get("PUSHPIN_TEST_EXECUTABLE"),
    ...options,
    settings: { ...options.settings, runner: { workers: 2, drain: 1, ...options.settings?.runner } },
  });
}

export interface Worker {
  readonly pid: number;
  readonly role: "proxy" | "handler";
}

/** The runner's children that live now. */
export function workersOf(program: Program): readonly Worker[] {
  return childrenOf(program.pid).flatMap(({ pid, state, args }) => {
    const role = / (proxy|handler)( |$)/.exec(args)?.[1];
    return state !== "Z" && (role === "proxy" || role === "handler") ? [{ pid, role }] : [];
  });
}

export function pidOf(program: Program, role: Worker["role"]): number {
  const worker = workersOf(program).find((candidate) => candidate.role === role);
  if (worker === undefined) throw new Error(`No ${role} lives`);
  return worker.pid;
}

/** Everything that was acknowledged between two moments, in the publisher's order. */
function expectedFrom(publisher: Publisher): readonly string[] {
  return [...publisher.acknowledged.keys()];
}

/** Asserts that a listener has each message once, in order, without a hole up to the last one expected. */
function assertHasAll(got: readonly string[], expected: readonly string[], who: string): void {
  const counts = new Map<string, number>();
  for (const id of got) counts.set(id, (counts.get(id) ?? 0) + 1);
  const missing = expected.filter((id) => !counts.has(id));
  const doubled = [...counts].filter(([, count]) => count > 1).map(([id]) => id);
  assertEquals({ who, missing, doubled }, { who, missing: [], doubled: [] });
  const numbers = got.map((id) => Number(id.slice(1)));
  assertEquals(numbers, numbers.toSorted((a, b) => a - b), `${who}: in order`);
}

/** Number 1: the handler is killed while clients are held and a publisher publishes. */
export async function proveHandlerDeath(
  size: {
    readonly streams: number;
    readonly polls: number;
    readonly kills: number;
    readonly restMs?: number;
    readonly withinMs?: number;
  },
) {
  await using backend = new Backend();
  await using program = await startProgram(backend);
  const streams = await openMany(size.streams, () => StreamListener.open(program.port));
  const polls = Array.from({ length: size.polls }, () => new PollListener(program.port, size.restMs));
  const publisher = new Publisher(program.controlUrl, backend, 50);
  try {
    let slowestMs = 0;
    for (let kill = 0; kill < size.kills; kill++) {
      await pause(1000);
      const refusalsBefore = publisher.refusals;
      const before = publisher.acknowledged.size;
      const handler = pidOf(program, "handler");
      Deno.kill(handler, "SIGKILL");
      await eventually(() => !isAlive(handler));
      // While it is down: a new hold, a plain request.
      streams.push(await within(StreamListener.open(program.port), "a new hold without a handler"));
      assertEquals((await exchange(program.port, "/plain")).body, "plain");
      await eventually(() => publisher.refusals > refusalsBefore, { what: "a refused publish" });
      await eventually(() => publisher.acknowledged.size > before + 1, {
        what: "acknowledged publishes again",
        // Many kills in a row make the runner wait longer each time.
        deadlineMs: 20_000,
      });
      // Not the first one: that may be one of which the handler that died had handed over a part.
      const [id, at] = [...publisher.acknowledged][before + 1]!;
      await eventually(() => streams.every(({ got }) => got.includes(id)), { what: `${id} at every stream` });
      slowestMs = Math.max(slowestMs, performance.now() - at);
      assert(slowestMs < (size.withinMs ?? 1000), `it took ${slowestMs} ms until all had ${id}`);
    }
    await publisher.stop();
    const expected = expectedFrom(publisher);
    const last = expected.at(-1);
    await eventually(() => [...streams, ...polls].every(({ got }) => got.at(-1) === last), {
      what: `${last} everywhere; ${streams.filter(({ got }) => got.at(-1) !== last).length} streams lack it`,
      deadlineMs: 15_000,
    });
    assertEquals(streams.filter(({ state }) => state !== "open").length, 0, "streams ended");
    assertEquals(polls.reduce((sum, { breaks }) => sum + breaks, 0), 0, "polls broken");
    for (const [i, { got }] of streams.slice(0, size.streams).entries()) {
      assertHasAll(got, expected, `stream ${i}`);
    }
    for (const [i, { got }] of polls.entries()) assertHasAll(got, expected, `poll ${i}`);
    return { acknowledged: expected.length, refusals: publisher.refusals, slowestMs };
  } finally {
    await publisher.stop();
    await closeAll([...streams, ...polls]);
  }
}

/** Number 2: one of two proxies is killed. */
export async function proveProxyDeath(size: { readonly streams: number }) {
  await using backend = new Backend();
  await using program = await startProgram(backend);
  const streams = await openMany(size.streams, () => StreamListener.open(program.port));
  const publisher = new Publisher(program.controlUrl, backend, 50);
  let probing = true;
  let refusedSince: number | undefined;
  let longestRefusalMs = 0;
  const prober = (async () => {
    while (probing) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: program.port })).close();
        if (refusedSince !== undefined) {
          longestRefusalMs = Math.max(longestRefusalMs, performance.now() - refusedSince);
        }
        refusedSince = undefined;
      } catch {
        refusedSince ??= performance.now();
      }
      await pause(2);
    }
  })();
  try {
    await pause(500);
    const from = program.lines.length;
    const victim = pidOf(program, "proxy");
    Deno.kill(victim, "SIGKILL");
    const at = performance.now();
    await program.line(/child is back child="proxy/, 5000, from);
    const backMs = performance.now() - at;
    assertEquals(workersOf(program).length, 3);
    await pause(500);
    await publisher.stop();
    const last = expectedFrom(publisher).at(-1);
    const stayed = streams.filter(({ state }) => state === "open");
    const cut = streams.filter(({ state }) => state === "cut");
    assert(cut.length > 0 && stayed.length > 0, `${cut.length} cut, ${stayed.length} stayed`);
    assertEquals(cut.length + stayed.length, streams.length);
    await eventually(() => stayed.every(({ got }) => got.at(-1) === last), { what: "the last message" });
    for (const [i, { got }] of stayed.entries()) assertHasAll(got, expectedFrom(publisher), `stream ${i}`);
    assert(longestRefusalMs <= 50, `the port refused connections for ${longestRefusalMs} ms`);
    assert(backMs < 1000, `the worker was back after ${backMs} ms`);
    return { cut: cut.length, stayed: stayed.length, backMs, longestRefusalMs };
  } finally {
    probing = false;
    await prober;
    await publisher.stop();
    await closeAll(streams);
  }
}

/** Number 3: a proxy is stopped, so that it goes on receiving its share of connections and answers none. */
export async function proveWatchdog() {
  await using backend = new Backend();
  await using program = await startProgram(backend, { settings: { runner: { watchdog: 1 } } });
  const victim = pidOf(program, "proxy");
  Deno.kill(victim, "SIGSTOP");
  const at = performance.now();
  // New connections all the time; each has half a second.
  const failed: number[] = [];
  const asked: Promise<void>[] = [];
  let answered = 0;
  while (performance.now() - at < 3500) {
    const startedMs = performance.now() - at;
    asked.push(
      within(exchange(program.port, "/plain"), "an answer", 500).then(
        () => void answered++,
        () => void failed.push(startedMs),
      ),
    );
    await pause(20);
  }
  await Promise.all(asked);
  assert(!isAlive(victim));
  assert(failed.length > 0, "the stopped proxy got its share");
  const lastFailedMs = Math.max(...failed);
  assert(lastFailedMs < 2000, `a connection hung ${lastFailedMs} ms after the stop`);
  assertEquals(workersOf(program).length, 3);
  return { lastFailedMs, failed: failed.length, answered };
}
