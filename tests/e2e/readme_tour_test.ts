/** The README's five minutes, typed as they stand there; only the ports are others. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Program, programCommand, ROOT } from "../helpers/program.ts";
import { eventually } from "../helpers/wait.ts";

/** The shell blocks of the tour, in order. */
async function tourBlocks(): Promise<readonly string[]> {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const tour = readme.slice(readme.indexOf("## Five minutes"), readme.indexOf("## Your backend"));
  const inline = [...tour.matchAll(/`(pushpin [^`]+)`/g)].map((m) => m[1]!);
  return [...[...tour.matchAll(/```sh\n(.*?)```/gs)].map((m) => m[1]!), ...inline];
}

/** A terminal in which `pushpin` is this checkout's. */
class Terminal implements AsyncDisposable {
  output = "";
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;

  constructor(command: string, program: Program) {
    const words = programCommand().map((word) => `'${word}'`).join(" ");
    const typed = command
      .replaceAll("localhost:7999", `127.0.0.1:${program.port}`)
      .replaceAll("localhost:5561", `127.0.0.1:${program.controlPort}`)
      .replace(/^curl/, "exec curl -sS");
    this.#child = new Deno.Command("sh", {
      args: ["-c", `pushpin() { ${words} "$@"; }\n${typed}`],
      env: { GRIP_URL: program.controlUrl, NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)]);
  }

  /** Waits for a part of the output. */
  async shows(part: string): Promise<void> {
    await eventually(() => this.output.includes(part), {
      what: `"${part}" in a terminal`,
      deadlineMs: 20_000,
    })
      .catch((e) => {
        throw new Error(`${e.message}; it shows: ${this.output}`);
      });
  }

  /** Waits for the command's own end. */
  async ends(): Promise<string> {
    const { code } = await this.#child.status;
    await this.#reading;
    assert(code === 0, `exit status ${code}: ${this.output}`);
    return this.output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (e) {
      if (!(e instanceof TypeError)) throw e; // it had ended
    }
    await this.#child.status;
    await this.#reading;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.output += text;
  }
}

Deno.test({
  name: "the README's five-minute tour works as typed",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const blocks = await tourBlocks();
    assertEquals(blocks.length, 6, blocks.join("\n---\n"));
    const [start, requests, publish, more, post, close] = blocks as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    const [, line] = /^pushpin --route "(.*)"\n$/.exec(start) ?? [];
    await using program = await Program.start({ args: ["--route", line!] });
    const run = async (command: string) => {
      await using terminal = new Terminal(command, program);
      return await terminal.ends();
    };

    const [plain, streaming] = requests.trim().split("\n");
    assertStringIncludes(await run(plain!), "the proxy works");
    await using stream = new Terminal(streaming!, program);
    await stream.shows("[stream opened]\n");
    await run(publish);
    await stream.shows("hello there\n");

    const [polling, events, event] = more.trim().split("\n");
    await using poll = new Terminal(polling!, program);
    // Nothing shows that a long-poll is held, so the message is repeated until it is answered.
    await eventually(async () => {
      await run(publish);
      return poll.output === "hello there\n";
    }, { deadlineMs: 30_000, what: "the long-poll's answer" });
    await poll.ends();
    await using sse = new Terminal(events!, program);
    await sse.shows("event:stream-open");
    await run(event!);
    await sse.shows("data: extra\n\n");

    assertStringIncludes(await run(post), "Published");
    await stream.shows("hello from curl\n");
    await run(close);
    await stream.ends();
  },
});
