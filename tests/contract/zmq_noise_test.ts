/** Noise at every socket while traffic flows. */
import { assertEquals } from "@std/assert";
import { encodeReady } from "../../src/server/wire/zmtp_commands.ts";
import { encodeGreeting } from "../../src/server/wire/zmtp_greeting.ts";
import {
  PubSocket,
  PullSocket,
  PushSocket,
  RepSocket,
  ReqSocket,
  SubSocket,
} from "../../src/server/zmq/mod.ts";
import { latin1Bytes } from "../helpers/bytes.ts";
import { Random } from "../helpers/random.ts";
import { eventually } from "../helpers/wait.ts";
import { KeepingLog, RawZmtp } from "../helpers/zmq_raw.ts";

const bytes = latin1Bytes;
const text = (part: Uint8Array | undefined) => new TextDecoder().decode(part);
const LOCAL = "tcp://127.0.0.1:0";

/** Two seconds in the suite; ten and more as a soak: PUSHPIN_SOAK_MS. */
const NOISE_MS = Number(Deno.env.get("PUSHPIN_SOAK_MS") ?? 2000);

Deno.test("Random bytes at every kind of socket while traffic flows cost nobody a message", async () => {
  const log = new KeepingLog();
  const random = new Random(59);
  await using pull = new PullSocket({ log });
  await using sub = new SubSocket({ log });
  await using rep = new RepSocket({ log });
  await using pub = new PubSocket({ log });
  sub.subscribe("");
  const endpoints = [
    await pull.bind(LOCAL),
    await sub.bind(LOCAL),
    await rep.bind(LOCAL),
    await pub.bind(LOCAL),
  ];
  const [pullAt, subAt, repAt] = endpoints as [string, string, string, string];
  const end = performance.now() + NOISE_MS;
  const going = () => performance.now() < end;

  async function noise(endpoint: string, type: string): Promise<number> {
    let connections = 0;
    while (going()) {
      using raw = await RawZmtp.connect(endpoint);
      connections++;
      try {
        // At every depth: a bad greeting, a bad handshake, bad traffic.
        const depth = random.int(3);
        if (depth > 0) await raw.send(encodeGreeting(1));
        if (depth > 1) await raw.send(encodeReady(type));
        for (let i = random.int(1, 6); i > 0; i--) await raw.send(random.bytes(random.int(1, 300)));
      } catch (thrown) {
        const cut = thrown instanceof Deno.errors.BrokenPipe || thrown instanceof Deno.errors.ConnectionReset;
        if (!cut) throw thrown;
      }
    }
    return connections;
  }

  async function pushing(): Promise<number> {
    await using push = new PushSocket();
    push.connect(pullAt);
    let sent = 0;
    for (; going(); sent++) {
      await push.send([bytes(`n ${sent}`)]);
      if (sent % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assertEquals(await push.close({ lingerMs: 10_000 }), true);
    return sent;
  }

  async function publishing(): Promise<number> {
    await using other = new PubSocket();
    other.connect(subAt);
    await eventually(() => other.hasSubscribers);
    let sent = 0;
    for (; going(); sent++) {
      assertEquals(other.send([bytes("topic"), bytes(`n ${sent}`)]), 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assertEquals(await other.close({ lingerMs: 10_000 }), true);
    return sent;
  }

  async function requesting(): Promise<number> {
    await using req = new ReqSocket();
    req.connect(repAt);
    let sent = 0;
    for (; going(); sent++) {
      assertEquals(text((await req.request([bytes(`${sent}`)], { timeoutMs: 10_000 }))[0]), `re ${sent}`);
    }
    return sent;
  }

  // Noise may spell a message by chance; ours are numbered.
  const numbered = { pull: 0, sub: 0 };
  const wrong: string[] = [];
  const count = (door: "pull" | "sub", part: Uint8Array | undefined) => {
    const found = /^n (\d+)$/.exec(text(part));
    if (found !== null && Number(found[1]) !== numbered[door]++) wrong.push(`${door} ${found[1]}`);
  };
  const serving = [
    (async () => {
      for await (const message of pull) count("pull", message[0]);
    })(),
    (async () => {
      for await (const message of sub) count("sub", message[1]);
    })(),
    (async () => {
      for (let request = await rep.receive(); request !== undefined; request = await rep.receive()) {
        request.reply([bytes(`re ${text(request.parts[0])}`)]);
      }
    })(),
  ];
  const types = ["PUSH", "PUB", "DEALER", "SUB"];
  const noises = endpoints.map((endpoint, i) => noise(endpoint, types[i] as string));
  const counts = await Promise.all([pushing(), publishing(), requesting(), ...noises]);
  assertEquals(counts.every((sent) => sent > 20), true, `messages and noises: ${counts.join(", ")}`);
  const [pushed, published] = counts;
  await eventually(() => numbered.pull === pushed && numbered.sub === published, {
    what: "the last messages",
  });
  assertEquals(wrong, []);
  await Promise.all([pull.close(), sub.close(), rep.close()]);
  await Promise.all(serving);
  assertEquals(log.lines.filter(({ level }) => level === "error"), []);
});
