/** The runner with real processes that are stubs: what it owes to children of any kind. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { freePort } from "../helpers/free_port.ts";
import { childrenOf, isAlive } from "../helpers/processes.ts";
import { ROOT } from "../helpers/program.ts";
import { askOnce } from "../helpers/raw_client.ts";
import { eventually, within } from "../helpers/wait.ts";

class StubRunner implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.port = freePort();
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--quiet",
        "--no-check",
        "--unstable-net",
        `${ROOT}tests/e2e/fixtures/stub_runner.ts`,
      ],
      env: {
        PUSHPIN_RUNNER_WORKERS: "2",
        PUSHPIN_RUNNER_WATCHDOG: "30",
        STUB_PORT: String(this.port),
        ...env,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)]);
  }

  static async started(env: Readonly<Record<string, string>> = {}): Promise<StubRunner> {
    const runner = new StubRunner(env);
    await runner.line(/started$/);
    return runner;
  }

  get pid(): number {
    return this.#child.pid;
  }

  line(pattern: RegExp, from = 0): Promise<string> {
    return eventually(() => this.lines.slice(from).find((line) => pattern.test(line)), {
      what: `a line like ${pattern}`,
      deadlineMs: 20_000,
    }).catch((error) => {
      throw new Error(`${error.message}:\n${this.lines.join("\n")}`);
    });
  }

  /** The pid that a child said last. */
  pidOf(label: string): number {
    const line = this.lines.findLast((text) => text.includes(`[${label}] pid=`));
    return Number(/pid=(\d+)/.exec(line ?? "")?.[1]);
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  exited(): Promise<Deno.CommandStatus> {
    return within(this.#child.status, "the runner's end", 20_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended, as most tests want it to.
    }
    await this.#child.status;
    await within(this.#reading, "the end of the output, which its children hold open");
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const lines = stream.pipeThrough(new TextDecoderStream()).pipeThrough<string>(new TextLineStream());
    for await (const line of lines) this.lines.push(line);
  }
}

async function answer(port: number): Promise<string> {
  return new TextDecoder().decode((await askOnce(port, { target: "/" })).body);
}

Deno.test("runRunner() says started when every child is ready, and ends with 0 and without children on SIGTERM", async () => {
  await using runner = await StubRunner.started();
  const pids = ["proxy 1", "proxy 2", "handler"].map((label) => runner.pidOf(label));
  assertEquals(pids.map(isAlive), [true, true, true]);
  assertMatch(await answer(runner.port), /^proxy [12]$/);
  runner.signal("SIGTERM");
  assertEquals((await runner.exited()).code, 0);
  assertEquals(pids.map(isAlive), [false, false, false]);
  // The handler is asked only when the proxies are gone: what is published meanwhile still reaches somebody.
  const draining = runner.lines.filter((line) => line.endsWith("draining"));
  assertEquals(draining.length, 3);
  assertMatch(draining.at(-1) ?? "", /\[handler\]/);
});

Deno.test("runRunner()'s children die with it when it gets kill -9", async () => {
  await using runner = await StubRunner.started();
  const pids = ["proxy 1", "proxy 2", "handler"].map((label) => runner.pidOf(label));
  runner.signal("SIGKILL");
  await runner.exited();
  await eventually(() => !pids.some(isAlive), { what: "the end of the children" });
});

Deno.test("runRunner() starts a killed child again within a second while the other serves the port", async () => {
  await using runner = await StubRunner.started();
  const before = runner.pidOf("proxy 1");
  const from = runner.lines.length;
  Deno.kill(before, "SIGKILL");
  const killed = performance.now();
  await runner.line(/child ended child="proxy 1"/, from);
  assertMatch(await answer(runner.port), /^proxy [12]$/);
  await runner.line(/child is back child="proxy 1" .*restarts=1/, from);
  const tookMs = performance.now() - killed;
  assert(runner.pidOf("proxy 1") !== before);
  assert(tookMs < 3000, `it took ${tookMs} ms`);
  assertEquals(childrenOf(runner.pid).map(({ state }) => state).filter((state) => state === "Z"), []);
});

Deno.test("runRunner() kills a child that shows no life and starts another", async () => {
  await using runner = await StubRunner.started({ PUSHPIN_RUNNER_WATCHDOG: "1" });
  const stopped = runner.pidOf("proxy 2");
  Deno.kill(stopped, "SIGSTOP");
  const at = performance.now();
  await runner.line(/child hangs, killed child="proxy 2"/);
  await runner.line(/child is back child="proxy 2"/);
  const tookMs = performance.now() - at;
  assert(!isAlive(stopped));
  assert(tookMs < 4000, `it took ${tookMs} ms`);
  // Nobody else was taken for dead meanwhile.
  assertEquals(runner.lines.filter((line) => line.includes("child hangs")).length, 1);
});

Deno.test("runRunner() ends with a child's own words when that cannot start as it is configured", async () => {
  await using runner = new StubRunner({ STUB_BEHAVIOUR: "misconfigured" });
  assertEquals((await runner.exited()).code, 1);
  await runner.line(/^Error: Cannot listen on 127\.0\.0\.1:5561: address in use: stop the other process$/);
  assertEquals(runner.lines.filter((line) => line.includes("starts again")), []);
});

Deno.test("runRunner() waits ever longer for a child that always ends, and leaves the others alone", async () => {
  await using runner = new StubRunner({ STUB_BEHAVIOUR: "crash-loop" });
  await runner.line(/child starts again child=handler restarts=4 delayMs=1000/);
  const delays = runner.lines.map((line) => /starts again .* delayMs=(\d+)/.exec(line)?.[1]).filter((ms) =>
    ms
  );
  assertEquals(delays, ["0", "250", "500", "1000"]);
  assertMatch(await answer(runner.port), /^proxy [12]$/);
  assertEquals(runner.lines.filter((line) => line.endsWith("started")), []);
  runner.signal("SIGTERM");
  assertEquals((await runner.exited()).code, 0);
});

Deno.test("runRunner() passes SIGHUP on and opens its log file again", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await using runner = new StubRunner({ PUSHPIN_RUNNER_LOG_FILE: `${dir}/log` });
    const log = () => Deno.readTextFileSync(`${dir}/log`);
    await eventually(() => log().includes("started\n"), { deadlineMs: 20_000 });
    Deno.renameSync(`${dir}/log`, `${dir}/log.1`);
    runner.signal("SIGHUP");
    await eventually(() => log().match(/reloaded/g)?.length === 3, { what: "three children reloaded" });
    assert(!Deno.readTextFileSync(`${dir}/log.1`).includes("reloaded"));
    runner.signal("SIGTERM");
    assertEquals((await runner.exited()).code, 0);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("runRunner() cuts what does not end when a second signal comes", async () => {
  await using runner = await StubRunner.started({ STUB_BEHAVIOUR: "obstinate" });
  const pids = ["proxy 1", "proxy 2", "handler"].map((label) => runner.pidOf(label));
  runner.signal("SIGTERM");
  await runner.line(/stopping signal=SIGTERM/);
  assertEquals(pids.map(isAlive), [true, true, true]);
  runner.signal("SIGINT");
  assertEquals((await runner.exited()).code, 130);
  assertEquals(pids.map(isAlive), [false, false, false]);
});

Deno.test("runRunner() says on SIGHUP what needs a restart, and changes nothing where the file is wrong", async () => {
  const dir = await Deno.makeTempDir();
  const config = `${dir}/pushpin.toml`;
  try {
    await Deno.writeTextFile(config, `[runner]\ndrain = 3\n`);
    await using runner = await StubRunner.started({ STUB_CONFIG: config });
    await Deno.writeTextFile(config, `[runner]\ndrain = 4\nhttp_port = 1234\n`);
    runner.signal("SIGHUP");
    await runner.line(/\[runner\] reloading changed=runner\.drain$/);
    await runner.line(/changed settings that need a restart settings=runner\.http_port/);
    await eventually(() => runner.lines.filter((line) => line.endsWith("reloaded")).length === 3);
    await Deno.writeTextFile(config, `[runner]\ndran = 4\n`);
    runner.signal("SIGHUP");
    await runner.line(/pushpin\.toml:2: unknown key "dran" in \[runner\]/);
    await runner.line(/the configuration has errors: nothing was changed/);
    runner.signal("SIGTERM");
    assertEquals((await runner.exited()).code, 0);
    assertEquals(runner.lines.filter((line) => line.endsWith("reloaded")).length, 3);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
