/** examples/reliable-stream as its head promises: handler, proxy and backend are killed while events are added. */
import { assert, assertEquals } from "@std/assert";
import { EventReader } from "../helpers/event_source.ts";
import { freePort } from "../helpers/free_port.ts";
import { childrenOf, isAlive } from "../helpers/processes.ts";
import { pidOf } from "../helpers/process_proofs.ts";
import { Program, ROOT } from "../helpers/program.ts";
import { eventually, pause } from "../helpers/wait.ts";

const EXAMPLE = `${ROOT}examples/reliable-stream`;

/** The example's backend, which can be killed and started again with what it has written. */
class ExampleBackend implements AsyncDisposable {
  readonly port: number;
  readonly history = Deno.makeTempFileSync({ prefix: "pushpin_events_" });
  readonly #controlUrl: string;
  #child: Deno.ChildProcess | undefined;

  constructor(controlUrl: string, port: number) {
    this.#controlUrl = controlUrl;
    this.port = port;
  }

  get events(): readonly string[] {
    return Deno.readTextFileSync(this.history).split("\n").slice(0, -1).map((line) => JSON.parse(line));
  }

  async start(): Promise<void> {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--config", `${EXAMPLE}/deno.json`, `${EXAMPLE}/server.mjs`],
      env: { PORT: String(this.port), CONTROL_URL: this.#controlUrl, HISTORY: this.history },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    // A first run may have to fetch Express.
    await eventually(async () => (await this.add("started")) !== undefined, {
      deadlineMs: 60_000,
      what: "the backend",
    });
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = undefined;
  }

  /** The new event's id; undefined where the backend did not say that it has it. */
  async add(text: string): Promise<number | undefined> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.port}/events`, { method: "POST", body: text });
      const answer = await response.text();
      return response.status === 201 ? Number(answer) : undefined;
    } catch {
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.history);
  }
}

/** Adds events as fast as 50 a second, each until it is taken. */
class Author implements AsyncDisposable {
  #open = true;
  readonly #done: Promise<void>;

  constructor(backend: ExampleBackend) {
    this.#done = this.#run(backend);
  }

  async stop(): Promise<void> {
    this.#open = false;
    await this.#done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run(backend: ExampleBackend): Promise<void> {
    for (let n = 1; this.#open; n++) {
      while (this.#open && await backend.add(`event ${n}\nof many`) === undefined) await pause(20);
      await pause(20);
    }
  }
}

Deno.test({
  name: "reliable-stream gives every client every event, once and in order, whoever is killed",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const backendPort = freePort();
    await using program = await Program.start({
      routes: [`* 127.0.0.1:${backendPort}`],
      settings: { runner: { workers: 2 } },
      executable: Deno.env.get("PUSHPIN_TEST_EXECUTABLE"),
    });
    await using backend = new ExampleBackend(program.controlUrl, backendPort);
    await backend.start();
    const readers = Array.from({ length: 8 }, () => new EventReader(`${program.url}/events`));
    try {
      await eventually(() => readers.every(({ lastEventId }) => lastEventId !== ""), { what: "all readers" });
      const firstId = Number(readers[0]!.lastEventId);
      await using author = new Author(backend);
      /** Until every reader has what is added in a while from now. */
      const allGoOn = async (what: string) => {
        const id = backend.events.length + 25;
        await eventually(() => readers.every(({ lastEventId }) => Number(lastEventId) >= id), {
          what,
          deadlineMs: 20_000,
        });
      };
      await allGoOn("events before anything is killed");

      const handler = pidOf(program, "handler");
      Deno.kill(handler, "SIGKILL");
      await eventually(() => !isAlive(handler));
      await allGoOn("events after the handler was killed");
      assertEquals(readers.map(({ connections }) => connections), readers.map(() => 1));

      Deno.kill(pidOf(program, "proxy"), "SIGKILL");
      await allGoOn("events after a proxy was killed");
      assert(readers.some(({ connections }) => connections > 1), "somebody was on that proxy");

      await backend.kill();
      await pause(300);
      await backend.start();
      await allGoOn("events after the backend was killed");

      // All three in one go.
      for (const { pid } of childrenOf(program.pid)) {
        if (pid !== pidOf(program, "proxy")) Deno.kill(pid, "SIGKILL");
      }
      await backend.kill();
      await backend.start();
      await allGoOn("events after handler, proxy and backend were killed");

      await author.stop();
      const { events } = backend;
      const expected = events.slice(firstId).map((data, i) => ({ id: String(firstId + i + 1), data }));
      await eventually(() => readers.every(({ lastEventId }) => lastEventId === String(events.length)), {
        what: `event ${events.length} at every reader`,
        deadlineMs: 20_000,
      });
      for (const reader of readers) {
        assertEquals(reader.failure, undefined);
        assertEquals(reader.events, expected);
      }
    } finally {
      await Promise.all(readers.map((reader) => reader.close()));
    }
  },
});

Deno.test("reliable-stream leads a client that lacks much on, page by page", async () => {
  const backendPort = freePort();
  await using program = await Program.start({
    routes: [`* 127.0.0.1:${backendPort}`],
    args: ["--single-process"],
  });
  await using backend = new ExampleBackend(program.controlUrl, backendPort);
  await backend.start();
  await Promise.all(Array.from({ length: 350 }, (_, i) => backend.add(`event ${i}`)));
  const total = backend.events.length;
  const reader = new EventReader(`${program.url}/events?after=0`);
  try {
    await eventually(() => reader.lastEventId === String(total), { what: "all pages" });
    assertEquals(reader.events.map(({ id }) => Number(id)), backend.events.map((_, i) => i + 1));
    assertEquals(reader.connections, 1);
    const id = await backend.add("one more");
    await eventually(() => reader.lastEventId === String(id), { what: "what is published then" });
  } finally {
    await reader.close();
  }
});
