/** More proofs of what processes promise: how a program starts, reloads and ends, and what is left after a storm. */
import { assert, assertEquals } from "@std/assert";
import { closeAll, openMany, StreamListener } from "./audience.ts";
import { freePorts } from "./free_port.ts";
import { Backend, exchange } from "./history_backend.ts";
import { startProgram, workersOf } from "./process_proofs.ts";
import { childrenOf, descriptorCount, residentBytes } from "./processes.ts";
import { programCommand, tomlText } from "./program.ts";
import type { Random } from "./random.ts";
import { eventually, pause } from "./wait.ts";

/** How long after its start the program answers its first request, started as the default is: several processes. */
export async function firstAnswerMs(): Promise<number> {
  await using backend = new Backend();
  const [port, control, push, sub, command] = freePorts(5) as [number, number, number, number, number];
  const dir = await Deno.makeTempDir({ prefix: "first_" });
  await Deno.writeTextFile(
    `${dir}/pushpin.toml`,
    tomlText({
      handler: {
        push_in_http_port: control,
        push_in_spec: `tcp://127.0.0.1:${push}`,
        push_in_sub_specs: `tcp://127.0.0.1:${sub}`,
        command_spec: `tcp://127.0.0.1:${command}`,
      },
    }),
  );
  const [bin, ...words] = programCommand(Deno.env.get("PUSHPIN_TEST_EXECUTABLE")) as [string, ...string[]];
  const route = `* 127.0.0.1:${backend.port}`;
  const start = performance.now();
  const child = new Deno.Command(bin, {
    args: [...words, "--port", `127.0.0.1:${port}`, "--route", route],
    cwd: dir,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await eventually(async () => (await exchange(port, "/plain")).body === "plain", {
      what: "the first answer",
    });
    return performance.now() - start;
  } finally {
    child.kill("SIGKILL");
    await child.status;
    // Its children see its end and write into the directory no more.
    await eventually(() => Deno.remove(dir, { recursive: true }).then(() => true));
  }
}

/** Number 4: SIGHUP again and again, with other routes each time, under load. */
export async function proveReloads(
  size: { readonly seconds: number; readonly everyMs: number; readonly streams: number },
) {
  await using backend = new Backend();
  await using program = await startProgram(backend);
  const streams = await openMany(size.streams, () => StreamListener.open(program.port));
  const failures: string[] = [];
  let answered = 0;
  let loading = true;
  const load = Array.from({ length: 8 }, async () => {
    while (loading) {
      try {
        const { status, body } = await exchange(program.port, "/plain");
        if (status !== 200 || body !== "plain") failures.push(`${status} ${body}`);
        else answered++;
      } catch (error) {
        failures.push(String(error));
      }
    }
  });
  try {
    const end = performance.now() + size.seconds * 1000;
    let reloads = 0;
    while (performance.now() < end) {
      reloads++;
      await Deno.writeTextFile(
        program.routesFile,
        `other-${reloads}.test 127.0.0.1:1\n* 127.0.0.1:${backend.port}\n`,
      );
      program.signal("SIGHUP");
      await pause(size.everyMs);
    }
    loading = false;
    await Promise.all(load);
    assertEquals(failures, []);
    assertEquals(streams.filter(({ state }) => state !== "open").length, 0, "holds dropped");
    assertEquals(program.lines.filter((line) => line.includes("child ended")), []);
    return { reloads, answered };
  } finally {
    loading = false;
    await Promise.all(load);
    await closeAll(streams);
  }
}

/** Number 5: SIGTERM under load. */
export async function proveDrain(size: { readonly requests: number; readonly streams: number }) {
  await using backend = new Backend();
  const drain = 2;
  await using program = await startProgram(backend, { settings: { runner: { drain } } });
  const streams = await openMany(size.streams, () => StreamListener.open(program.port));
  const polls = Array.from({ length: size.streams }, () => exchange(program.port, "/poll?since=0"));
  const polled = Promise.allSettled(polls);
  await eventually(() => backend.asked === size.streams, { what: "every long-poll at the backend" });
  const slow = Promise.allSettled(
    Array.from({ length: size.requests }, () => exchange(program.port, "/slow")),
  );
  // Begun is what the program has read: bytes that wait in front of a process that ends are the client's to send again.
  await eventually(() => backend.asked === size.streams + size.requests, {
    what: "every request at the backend",
  });
  program.signal("SIGTERM");
  const at = performance.now();
  const status = await program.exited(15_000);
  const tookMs = performance.now() - at;
  const broken = (await slow).filter((r) => r.status === "rejected" || r.value.body !== "first second");
  assertEquals(broken.length, 0, `requests without a whole answer: ${JSON.stringify(broken.slice(0, 3))}`);
  const cut = (await polled).filter((r) => r.status === "rejected" || r.value.status !== 200);
  assertEquals(cut.length, 0, `long-polls without an answer: ${JSON.stringify(cut.slice(0, 3))}`);
  await Promise.all(streams.map(({ done }) => done));
  assertEquals(streams.filter(({ state }) => state !== "whole").map(({ state }) => state), []);
  assertEquals(status.code, 0);
  assert(tookMs < drain * 1000 + 1000, `it took ${tookMs} ms`);
  return { tookMs };
}

/** Number 7: random children are killed again and again; afterwards everything is as it was. */
export async function proveCrashStorm(
  size: { readonly seconds: number; readonly everyMs: number; readonly random: Random },
) {
  await using backend = new Backend();
  await using program = await startProgram(backend);
  const descriptors = descriptorCount(program.pid);
  const memory = residentBytes(program.pid);
  const end = performance.now() + size.seconds * 1000;
  let kills = 0;
  while (performance.now() < end) {
    const workers = workersOf(program);
    if (workers.length > 0) {
      try {
        Deno.kill(size.random.pick(workers).pid, "SIGKILL");
        kills++;
      } catch {
        // It ended between the look and the shot.
      }
    }
    await pause(size.everyMs);
  }
  // The longest wait between two starts, and the start itself.
  await eventually(() => workersOf(program).length === 3, { deadlineMs: 15_000, what: "all children back" });
  await eventually(async () => (await fetch(program.controlUrl)).body?.cancel().then(() => true), {
    deadlineMs: 15_000,
    what: "the control port",
  });
  const stream = await eventually(() => StreamListener.open(program.port), { deadlineMs: 15_000 });
  await program.publish([{ channel: "news", formats: { "http-stream": { content: "m1\n" } } }]);
  await eventually(() => stream.got.length === 1, { what: "a publish after the storm" });
  await stream.close();
  assertEquals(
    childrenOf(program.pid).map(({ state }) => state).filter((state) => state === "Z"),
    [],
    "zombies",
  );
  await eventually(() => descriptorCount(program.pid) <= descriptors, {
    what: `the runner's descriptors to be ${descriptors} again, are ${descriptorCount(program.pid)}`,
  });
  const grownBytes = residentBytes(program.pid) - memory;
  assert(grownBytes < 40 * 1024 * 1024, `the runner has grown by ${grownBytes} bytes`);
  return { kills, grownBytes };
}
