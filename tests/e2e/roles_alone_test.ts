/** A proxy and a handler without a runner, as a service manager or two machines run them: in any order, joined by TCP. */
import { assert, assertEquals } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { StreamListener } from "../helpers/audience.ts";
import { freePorts } from "../helpers/free_port.ts";
import { Backend, exchange } from "../helpers/history_backend.ts";
import { programCommand, tomlText } from "../helpers/program.ts";
import { eventually, within } from "../helpers/wait.ts";

class Role implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;

  constructor(role: "proxy" | "handler", config: string) {
    const [bin, ...words] = programCommand() as [string, ...string[]];
    this.#child = new Deno.Command(bin, {
      args: [...words, role, "--config", config],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)]);
  }

  static async started(role: "proxy" | "handler", config: string): Promise<Role> {
    const started = new Role(role, config);
    await started.line(/started$/);
    return started;
  }

  async line(pattern: RegExp): Promise<void> {
    await eventually(() => this.lines.some((line) => pattern.test(line)), {
      what: String(pattern),
      deadlineMs: 20_000,
    })
      .catch((error) => {
        throw new Error(`${error.message}:\n${this.lines.join("\n")}`);
      });
  }

  async stop(signal: Deno.Signal): Promise<Deno.CommandStatus> {
    this.#child.kill(signal);
    return await within(this.#child.status, "the end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // Ended by the test.
    }
    await this.#child.status;
    await this.#reading;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const text = stream.pipeThrough(new TextDecoderStream()).pipeThrough<string>(new TextLineStream());
    for await (const line of text) this.lines.push(line);
  }
}

interface Place {
  readonly config: string;
  readonly http: number;
  publish(text: string): Promise<void>;
}

async function withPlace(global: Readonly<Record<string, string>>, test: (place: Place) => Promise<void>) {
  const dir = await Deno.makeTempDir({ prefix: "roles_" });
  await using backend = new Backend();
  const [http, control, push, sub, command] = freePorts(5) as [number, number, number, number, number];
  await Deno.writeTextFile(`${dir}/routes`, `* 127.0.0.1:${backend.port}\n`);
  await Deno.writeTextFile(
    `${dir}/pushpin.toml`,
    tomlText({
      global: { rundir: `${dir}/run`, ...global },
      runner: { http_port: `127.0.0.1:${http}`, drain: 0 },
      handler: {
        push_in_http_port: control,
        push_in_spec: `tcp://127.0.0.1:${push}`,
        push_in_sub_specs: `tcp://127.0.0.1:${sub}`,
        command_spec: `tcp://127.0.0.1:${command}`,
      },
    }),
  );
  try {
    await test({
      config: `${dir}/pushpin.toml`,
      http,
      async publish(text) {
        const response = await fetch(`http://127.0.0.1:${control}/publish/`, {
          method: "POST",
          body: JSON.stringify({
            items: [{ channel: "news", formats: { "http-stream": { content: `${text}\n` } } }],
          }),
        });
        assertEquals([response.status, await response.text()], [200, "Published\n"]);
      },
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const [linkPort] = freePorts(1);
for (
  const [what, global] of [
    ["over a local socket", {}],
    ["over TCP with a secret", { link_spec: `127.0.0.1:${linkPort}`, link_secret: "both know it" }],
  ] as const
) {
  Deno.test(`pushpin proxy and pushpin handler find each other ${what}, whoever comes first and comes back`, () =>
    withPlace(global, async ({ config, http, publish }) => {
      await using _proxy = await Role.started("proxy", config);
      // Without a handler, holds and plain requests are served all the same.
      const stream = await within(StreamListener.open(http), "a hold without a handler");
      assertEquals((await exchange(http, "/plain")).body, "plain");
      await using first = await Role.started("handler", config);
      await publish("m1");
      await eventually(() => stream.got.includes("m1"));
      await first.stop("SIGKILL");
      await using second = await Role.started("handler", config);
      await publish("m2");
      await eventually(() => stream.got.includes("m2"));
      assertEquals((await second.stop("SIGTERM")).code, 0);
      assertEquals([stream.state, stream.got], ["open", ["m1", "m2"]]);
      await stream.close();
    }));
}

Deno.test("pushpin handler comes first and outlives a proxy", () =>
  withPlace({}, async ({ config, http, publish }) => {
    await using _handler = await Role.started("handler", config);
    await publish("m1");
    {
      await using proxy = await Role.started("proxy", config);
      assertEquals((await proxy.stop("SIGTERM")).code, 0);
    }
    await using _second = await Role.started("proxy", config);
    const stream = await StreamListener.open(http);
    // The hold is open a moment before the handler knows of it.
    await eventually(async () => {
      await publish("m2");
      return stream.got.length > 0;
    });
    await stream.close();
    assert(stream.got.includes("m2"));
  }));
