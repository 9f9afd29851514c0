/** Nothing lost, nothing reordered, and nobody's death is another's: against the real libzmq. */
import { assertEquals } from "@std/assert";
import { PullSocket, PushSocket, SubSocket, type ZmtpMessage } from "../../src/server/zmq/mod.ts";
import { freePort } from "../helpers/free_port.ts";
import { LibzmqPeer, PYTHON_WITH_ZMQ } from "../helpers/libzmq.ts";
import { eventually, within } from "../helpers/wait.ts";

const ignore = PYTHON_WITH_ZMQ === undefined;
const MANY = 100_000;

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (part: Uint8Array | undefined) => new TextDecoder().decode(part);

/** Takes numbered messages ("<number> …") until there are `count`; says where the order first broke. */
async function takeNumbered(
  pull: PullSocket,
  count: number,
): Promise<{ got: number; wrong: number | undefined }> {
  let wrong: number | undefined;
  let got = 0;
  while (got < count) {
    const batch = await within(pull.receiveMany(), `message ${got}`, 20_000) as readonly ZmtpMessage[];
    for (const [part] of batch) {
      if (parseInt(text(part)) !== got) wrong ??= got;
      got++;
    }
  }
  return { got, wrong };
}

for (const transport of ["tcp", "ipc"]) {
  Deno.test(`PullSocket loses and reorders none of ${MANY} messages of a libzmq PUSH over ${transport}`, {
    ignore,
  }, async () => {
    await using peer = new LibzmqPeer();
    await using pull = new PullSocket({ receiveHighWater: 100 });
    const spec = transport === "tcp" ? "tcp://127.0.0.1:0" : `ipc://${peer.directory}/s`;
    await peer.open("it", "PUSH", { connect: await pull.bind(spec), linger: -1 });
    const sent = peer.ask({ op: "send_many", id: "it", count: MANY });
    assertEquals(await takeNumbered(pull, MANY), { got: MANY, wrong: undefined });
    await sent;
  });

  Deno.test(`PushSocket loses and reorders none of ${MANY} messages to a libzmq PULL over ${transport}`, {
    ignore,
  }, async () => {
    await using peer = new LibzmqPeer();
    await using push = new PushSocket();
    const spec = transport === "tcp" ? "tcp://127.0.0.1:*" : `ipc://${peer.directory}/s`;
    push.connect(await peer.open("it", "PULL", { bind: spec }));
    const counted = peer.ask({ op: "recv_many", id: "it", count: MANY });
    for (let number = 0; number < MANY; number++) await push.send([bytes(`${number} `)]);
    const { got, wrong } = await counted;
    assertEquals({ got, wrong }, { got: MANY, wrong: null });
  });
}

Deno.test("PullSocket receives from a libzmq PUSH that started before it", { ignore }, async () => {
  await using peer = new LibzmqPeer();
  const spec = `tcp://127.0.0.1:${freePort()}`;
  await peer.open("it", "PUSH", { connect: spec, linger: -1 });
  await peer.ask({ op: "send_many", id: "it", count: 10 });
  await using pull = new PullSocket();
  await pull.bind(spec);
  assertEquals(await takeNumbered(pull, 10), { got: 10, wrong: undefined });
});

Deno.test("PushSocket sends once a libzmq PULL has started after it", { ignore }, async () => {
  await using peer = new LibzmqPeer();
  const spec = `tcp://127.0.0.1:${freePort()}`;
  await using push = new PushSocket({ reconnectMs: 10, reconnectMaxMs: 50 });
  push.connect(spec);
  const sent = push.send([bytes("waited")]);
  await peer.open("it", "PULL", { bind: spec });
  await within(sent, "the message to be taken");
  assertEquals(await peer.receiveText("it"), ["waited"]);
});

Deno.test("SubSocket tells its topics to an XPUB that comes back after kill -9", { ignore }, async () => {
  const port = freePort();
  await using sub = new SubSocket({ reconnectMs: 10, reconnectMaxMs: 50 });
  sub.subscribe("topic");
  sub.connect(`tcp://127.0.0.1:${port}`);
  for (const round of ["first", "second"]) {
    await using peer = new LibzmqPeer();
    await eventually(() => peer.open("it", "XPUB", { bind: `tcp://127.0.0.1:${port}` }).then(() => true));
    assertEquals(await peer.receiveText("it"), ["\x01topic"]);
    await peer.send("it", "topic", round);
    assertEquals((await within(sub.receive(), round))?.map(text), ["topic", round]);
    await peer.kill();
    await eventually(() => sub.peerCount === 0);
  }
});

Deno.test("PushSocket goes on with the next libzmq PULL after kill -9 of the first", { ignore }, async () => {
  const spec = `tcp://127.0.0.1:${freePort()}`;
  await using push = new PushSocket({ reconnectMs: 10, reconnectMaxMs: 50 });
  push.connect(spec);
  for (const round of ["first", "second"]) {
    await using peer = new LibzmqPeer();
    await eventually(() => peer.open("it", "PULL", { bind: spec }).then(() => true));
    await within(push.send([bytes(round)]), "a peer");
    assertEquals(await peer.receiveText("it"), [round]);
    await peer.kill();
    await eventually(() => push.peerCount === 0);
  }
});

for (const transport of ["tcp", "ipc"]) {
  Deno.test(`A libzmq PUSH over ${transport} goes on with our next process after kill -9 of the first`, {
    ignore,
  }, async () => {
    await using peer = new LibzmqPeer();
    const spec = transport === "tcp" ? `tcp://127.0.0.1:${freePort()}` : `ipc://${peer.directory}/s`;
    await peer.open("it", "PUSH", { connect: spec, linger: -1, options: { RECONNECT_IVL: 20 } });
    for (const round of ["first", "second"]) {
      await using child = new PullChild(spec);
      assertEquals(await child.line(), `bound ${spec}`);
      // What libzmq had already handed to the dead process's connection is lost; send until one arrives.
      const stop = new AbortController();
      const sending = (async () => {
        while (!stop.signal.aborted) await peer.send("it", round);
      })();
      assertEquals(await child.lineOf(round), round);
      stop.abort();
      await sending;
    }
  });
}

class PullChild implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(spec: string) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("../helpers/zmq_pull_child.ts", import.meta.url).pathname, spec],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Skips what the sender had still queued for the process before. */
  async lineOf(wanted: string): Promise<string> {
    for (let line = await this.line();; line = await this.line()) if (line === wanted) return line;
  }

  async line(): Promise<string> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await within(this.#lines.read(), "a line of the child", 20_000);
      if (done) throw new Error("The child ended");
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#lines.cancel();
  }
}

Deno.test("Heartbeats keep a quiet connection with libzmq, and end one with a peer that is frozen", {
  ignore,
}, async () => {
  await using peer = new LibzmqPeer();
  await using pull = new PullSocket({ heartbeatMs: 50, heartbeatTimeoutMs: 300, heartbeatTtlMs: 1000 });
  const options = { HEARTBEAT_IVL: 50, HEARTBEAT_TIMEOUT: 300, HEARTBEAT_TTL: 1000, RECONNECT_IVL: 10 };
  await peer.open("it", "PUSH", { connect: await pull.bind("tcp://127.0.0.1:0"), options });
  await pull.peersReady();
  const [before] = pull.peerIds();
  await new Promise((resolve) => setTimeout(resolve, 1000)); // the subject is time
  assertEquals(pull.peerIds(), [before]);
  Deno.kill(peer.pid, "SIGSTOP");
  try {
    await eventually(() => pull.peerCount === 0, { what: "the frozen peer to be given up" });
  } finally {
    Deno.kill(peer.pid, "SIGCONT");
  }
  await within(pull.peersReady(), "the peer to come back");
  await peer.send("it", "again");
  assertEquals(text((await pull.receive())?.[0]), "again");
});
