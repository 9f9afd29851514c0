/** The program's ZeroMQ sockets as publishers and tools meet them, with a client whose stream is held. */
import { assertEquals, assertMatch } from "@std/assert";
import { LibzmqPeer, PYTHON_WITH_ZMQ } from "../helpers/libzmq.ts";
import { pidOf } from "../helpers/process_proofs.ts";
import { Program, programCommand } from "../helpers/program.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { eventually, within } from "../helpers/wait.ts";

const ignore = PYTHON_WITH_ZMQ === undefined;
const local = (port: number) => `tcp://127.0.0.1:${port}`;
const item = (content: string) => ({ channel: "c", formats: { "http-stream": { content } } });

async function startStream(): Promise<{ program: Program; origin: ScriptedOrigin }> {
  const origin = ScriptedOrigin.start();
  origin.on("/s", { headers: [["Grip-Hold", "stream"], ["Grip-Channel", "c"]], body: "open\n" });
  const program = await Program.start({ routes: [`* 127.0.0.1:${origin.port}`] });
  return { program, origin };
}

/** A held stream, read as text. */
class Stream implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  text = "";

  private constructor(reader: ReadableStreamDefaultReader<string>) {
    this.#reader = reader;
  }

  static async open(program: Program): Promise<Stream> {
    const response = await fetch(`${program.url}/s`);
    const stream = new Stream(response.body!.pipeThrough(new TextDecoderStream()).getReader());
    await stream.until("open\n");
    return stream;
  }

  async until(ending: string): Promise<void> {
    while (!this.text.endsWith(ending)) {
      const { value, done } = await within(this.#reader.read(), `"${ending.trim()}" after "${this.text}"`);
      if (done) throw new Error(`The stream ended after "${this.text}"`);
      this.text += value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }
}

Deno.test("pushpin publish --spec tcp:// reaches a held stream", async () => {
  const { program, origin } = await startStream();
  await using _origin = origin;
  await using _program = program;
  await using stream = await Stream.open(program);
  const [bin, ...words] = programCommand() as [string, ...string[]];
  const { code, stdout } = await new Deno.Command(bin, {
    args: [...words, "publish", "--spec", local(program.ports.push), "c", "over ZeroMQ"],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "Published\n"]);
  await stream.until("over ZeroMQ\n");
});

Deno.test(
  "pushpin takes items over PULL, SUB and the command socket, and goes on after its handler is killed",
  { ignore },
  async () => {
    const { program, origin } = await startStream();
    await using _origin = origin;
    await using _program = program;
    await using peer = new LibzmqPeer();
    await using stream = await Stream.open(program);
    const { push, sub, command } = program.ports;
    await peer.open("xpub", "XPUB", { connect: local(sub), options: { RECONNECT_IVL: 20 } });
    assertEquals(await peer.receiveText("xpub"), ["\x01c"]);
    await peer.ask({ op: "send_tnet", id: "xpub", topic: "c", value: item("by XPUB\n") });
    await stream.until("by XPUB\n");

    const { found } = await peer.ask({ op: "pypubcontrol", uri: local(command), value: item("by PUSH\n") });
    assertEquals(found, {
      success: true,
      value: { command: local(command), "publish-pull": local(push), "publish-sub": local(sub) },
    });
    await stream.until("by PUSH\n");

    await peer.open("req", "REQ", { connect: local(command) });
    const value = { method: "publish", args: { items: [item("by command\n")] } };
    assertEquals(await peer.ask({ op: "request_tnet", id: "req", value }), {
      reply: { success: true, value: null },
    });
    await stream.until("by command\n");

    const before = pidOf(program, "handler");
    Deno.kill(before, "SIGKILL");
    await eventually(() => pidOf(program, "handler") !== before);
    // PUB is not kept for those who are away: the publisher goes on until the new handler listens.
    const stop = new AbortController();
    const publishing = (async () => {
      while (!stop.signal.aborted) {
        await peer.ask({ op: "send_tnet", id: "xpub", topic: "c", value: item("by XPUB again\n") });
      }
    })();
    await stream.until("by XPUB again\n");
    stop.abort();
    await publishing;
    await peer.ask({ op: "pypubcontrol", uri: local(command), value: item("by PUSH again\n") });
    await stream.until("by PUSH again\n");
  },
);

Deno.test("pushpin says which setting's address is in use, and does not start", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const spec = local(taken.addr.port);
  const failed = await Program.start({
    settings: { handler: { push_in_spec: spec } },
    startDeadlineMs: 20_000,
  })
    .then(async (program) => {
      await program.stop();
      return "it started";
    }, (thrown) => String(thrown));
  assertMatch(failed, new RegExp(`Cannot open push_in_spec: Cannot listen on ${spec}: address in use`));
});
