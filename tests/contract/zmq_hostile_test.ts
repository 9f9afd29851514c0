/** Peers that mean harm or know no better: each is closed with one line, and nobody else notices. */
import { assertEquals, assertRejects } from "@std/assert";
import { PushpinError } from "../../src/errors.ts";
import { encodePing, encodeReady } from "../../src/server/wire/zmtp_commands.ts";
import { encodeMessage } from "../../src/server/wire/zmtp_frames.ts";
import { encodeGreeting } from "../../src/server/wire/zmtp_greeting.ts";
import {
  PubSocket,
  PullSocket,
  PushSocket,
  RepSocket,
  ReqSocket,
  RouterSocket,
  SubSocket,
} from "../../src/server/zmq/mod.ts";
import { concatBytes, latin1Bytes } from "../helpers/bytes.ts";
import { Random } from "../helpers/random.ts";
import { eventually, within } from "../helpers/wait.ts";
import { KeepingLog, RawZmtp } from "../helpers/zmq_raw.ts";

const bytes = latin1Bytes;
const text = (part: Uint8Array | undefined) => new TextDecoder().decode(part);
const LOCAL = "tcp://127.0.0.1:0";

/** Sends bytes to a PULL; gives the reason of the one line that the log has then. */
async function refusalOf(
  sent: readonly Uint8Array[],
  options: { halfClose?: boolean } = {},
): Promise<string> {
  const log = new KeepingLog();
  await using pull = new PullSocket({
    log,
    limits: { maxFrameBytes: 1000, maxMessageBytes: 1500, maxMessageParts: 3 },
  });
  const endpoint = await pull.bind(LOCAL);
  using raw = await RawZmtp.connect(endpoint);
  await raw.send(...sent);
  if (options.halfClose === true) await raw.conn.closeWrite();
  await within(raw.closed(), "the connection to be closed");
  await using push = new PushSocket();
  push.connect(endpoint);
  await push.send([bytes("still here")]);
  assertEquals(text((await within(pull.receive(), "the honest peer"))?.[0]), "still here");
  assertEquals(log.lines.map(({ level, message }) => [level, message]), [["warn", "zmq peer ended"]]);
  return `${log.lines[0]?.fields["end"]}: ${log.lines[0]?.fields["reason"]}`;
}

const curve = encodeGreeting(1);
curve.set(bytes("CURVE"), 12);

const REFUSALS: readonly (readonly [string, readonly Uint8Array[], string])[] = [
  [
    "an HTTP client",
    [bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    "refused: Cannot read ZMTP greeting: the first byte is 0x47, not ZeroMQ's 0xff",
  ],
  [
    "ZMTP 2.0",
    [bytes("\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\0\0")],
    "refused: Cannot read ZMTP greeting: the peer speaks ZMTP revision 1, we speak 3.0 and 3.1",
  ],
  [
    "CURVE",
    [curve],
    `refused: Cannot read ZMTP greeting: the peer wants security mechanism "CURVE", we speak only "NULL"`,
  ],
  [
    "the wrong socket type",
    [encodeGreeting(1), encodeReady("SUB")],
    `refused: the peer is a "SUB" socket, we are PULL`,
  ],
  [
    "a READY without a socket type",
    [encodeGreeting(1), bytes("\x04\x06\x05READY")],
    `refused: the peer is a "" socket, we are PULL`,
  ],
  [
    "a message before READY",
    [encodeGreeting(1), encodeMessage([bytes("x")])],
    "refused: Cannot read ZMTP handshake: a message came before READY",
  ],
  [
    "a PING before READY",
    [encodeGreeting(1), encodePing(0)],
    "refused: Cannot read ZMTP handshake: a PING came before READY",
  ],
  [
    "an oversized frame",
    [encodeGreeting(1), encodeReady("PUSH"), bytes("\x02\0\0\x10\0\0\0\0\0")],
    "protocol: Cannot read ZMTP frame: a frame of 17592186044416 bytes, over the limit of 1000",
  ],
  ["an oversized message", [
    encodeGreeting(1),
    encodeReady("PUSH"),
    encodeMessage([new Uint8Array(900), new Uint8Array(900)]),
  ], "protocol: Cannot read ZMTP frame: a message of 1800 bytes or more, over the limit of 1500"],
  ["too many parts", [
    encodeGreeting(1),
    encodeReady("PUSH"),
    encodeMessage([1, 2, 3, 4].map(() => bytes(""))),
  ], "protocol: Cannot read ZMTP frame: a message of over 3 parts"],
  [
    "reserved flags",
    [encodeGreeting(1), encodeReady("PUSH"), bytes("\x80\0")],
    "protocol: Cannot read ZMTP frame: reserved flag bits are set: 0x80",
  ],
];

for (const [what, sent, said] of REFUSALS) {
  Deno.test(`PullSocket closes a peer with ${what}, with one line, and goes on`, async () => {
    assertEquals(await refusalOf(sent), said);
  });
}

Deno.test("PullSocket says that a peer left in its handshake, or in the middle of a message", async () => {
  assertEquals(
    await refusalOf([bytes("\xff\0\0")], { halfClose: true }),
    "refused: closed during the handshake",
  );
  const cut = concatBytes([
    encodeGreeting(1),
    encodeReady("PUSH"),
    encodeMessage([bytes("whole")]).subarray(0, 4),
  ]);
  assertEquals(await refusalOf([cut], { halfClose: true }), "failed: closed in the middle of a message");
});

Deno.test("PullSocket says nothing of a peer that connects and leaves without a word", async () => {
  const log = new KeepingLog();
  await using pull = new PullSocket({ log });
  using raw = await RawZmtp.connect(await pull.bind(LOCAL));
  await raw.conn.closeWrite();
  await raw.closed();
  assertEquals(log.lines, []);
});

Deno.test("PullSocket closes a peer that dawdles over its handshake", async () => {
  const log = new KeepingLog();
  await using pull = new PullSocket({ log, handshakeMs: 50 });
  using raw = await RawZmtp.connect(await pull.bind(LOCAL));
  await raw.send(encodeGreeting(1).subarray(0, 30));
  await within(raw.closed(), "the dawdler to be closed");
  assertEquals(log.lines.map(({ fields }) => fields["reason"]), ["no ZMTP handshake within 50 ms"]);
});

Deno.test("PullSocket with a crowd of silent peers lets an honest one in", async () => {
  const log = new KeepingLog();
  await using pull = new PullSocket({ log, maxHandshakes: 8 });
  const endpoint = await pull.bind(LOCAL);
  await using stack = new AsyncDisposableStack();
  for (let i = 0; i < 20; i++) stack.use(await RawZmtp.connect(endpoint));
  await using push = new PushSocket();
  push.connect(endpoint);
  await push.send([bytes("in")]);
  assertEquals(text((await within(pull.receive(), "the honest peer"))?.[0]), "in");
  assertEquals(log.lines.every(({ fields }) => fields["end"] === "overload"), true);
});

Deno.test("PullSocket turns peers over its limit away with a line", async () => {
  const log = new KeepingLog();
  await using pull = new PullSocket({ log, maxPeers: 2 });
  const endpoint = await pull.bind(LOCAL);
  using _one = await RawZmtp.ready(endpoint, "PUSH");
  using _two = await RawZmtp.ready(endpoint, "PUSH");
  using three = await RawZmtp.connect(endpoint);
  await within(three.closed(), "the third to be turned away");
  assertEquals(log.lines.map(({ message }) => message), ["zmq peer turned away"]);
});

Deno.test("RouterSocket refuses a second peer with the same routing id", async () => {
  const log = new KeepingLog();
  await using router = new RouterSocket({ log });
  const endpoint = await router.bind(LOCAL);
  using first = await RawZmtp.connect(endpoint);
  await first.send(encodeGreeting(1), encodeReady("DEALER", bytes("me")));
  await router.peersReady();
  using second = await RawZmtp.connect(endpoint);
  await second.send(encodeGreeting(1), encodeReady("DEALER", bytes("me")));
  await within(second.closed(), "the second to be refused");
  assertEquals(log.lines.map(({ fields }) => fields["reason"]), ["another peer has the same routing id"]);
  await router.send([bytes("me"), bytes("x")]);
  await assertRejects(() => router.send([bytes("you"), bytes("x")]), PushpinError, "the peer is gone");
});

Deno.test("A peer that asks for a ttl and then is silent is given up", async () => {
  const log = new KeepingLog();
  await using pull = new PullSocket({ log });
  using raw = await RawZmtp.ready(await pull.bind(LOCAL), "PUSH");
  await raw.send(encodePing(100, bytes("ctx")));
  await within(raw.closed(), "the silent peer to be given up");
  assertEquals(log.lines.map(({ fields }) => fields["end"]), ["timeout"]);
});

Deno.test("PubSocket drops at the high-water mark of a subscriber that does not read, and counts", async () => {
  await using pub = new PubSocket({ sendHighWater: 10 });
  const endpoint = await pub.bind(LOCAL);
  using raw = await RawZmtp.ready(endpoint, "SUB");
  await raw.send(encodeMessage([bytes("\x01")]));
  await eventually(() => pub.hasSubscribers);
  const big = new Uint8Array(100_000);
  await eventually(() => {
    for (let i = 0; i < 10; i++) pub.send([big]);
    return pub.dropped > 0;
  });
});

Deno.test("PushSocket waits at the high-water mark and loses nothing", async () => {
  await using pull = new PullSocket({ receiveHighWater: 2 });
  await using push = new PushSocket({ sendHighWater: 2 });
  push.connect(await pull.bind(LOCAL));
  await push.peersReady();
  const big = new Uint8Array(300_000);
  let taken = 0;
  while (push.trySend([bytes(`${taken}`), big])) {
    taken++;
    await new Promise((resolve) => setTimeout(resolve, 1)); // lets the system's buffers fill
  }
  const waiting = push.send([bytes(`${taken}`), big]);
  for (let i = 0; i <= taken; i++) assertEquals(text((await pull.receive())?.[0]), `${i}`);
  await waiting;
});

Deno.test("PushSocket gives what it had queued for a peer that went away to the next one", async () => {
  await using push = new PushSocket({ sendHighWater: 1000 });
  const endpoint = await push.bind(LOCAL);
  const raw = await RawZmtp.ready(endpoint, "PULL");
  await push.peersReady();
  const big = new Uint8Array(1_000_000);
  for (let i = 0; i < 20; i++) await push.send([bytes(`${i}`), big]);
  raw[Symbol.dispose]();
  await using pull = new PullSocket();
  pull.connect(endpoint);
  await push.send([bytes("last"), big]);
  const seen: string[] = [];
  while (seen.at(-1) !== "last") seen.push(text((await within(pull.receive(), "the rest"))?.[0]));
  // Some were written to the connection that died; from there on none is missing.
  const first = Number(seen[0]);
  assertEquals(seen, [...Array.from({ length: 20 - first }, (_, i) => `${first + i}`), "last"]);
});

Deno.test("ReqSocket says that nobody answered, and close() ends what waits", async () => {
  await using req = new ReqSocket();
  req.connect("tcp://127.0.0.1:1");
  await assertRejects(
    () => req.request([bytes("x")], { timeoutMs: 20 }),
    PushpinError,
    "no reply within 20 ms",
  );
  const push = new PushSocket();
  const sending = push.send([bytes("x")]);
  await push.close();
  await assertRejects(() => sending, PushpinError, "it is closed");
  const pull = new PullSocket();
  const receiving = pull.receive();
  await pull.close();
  assertEquals(await receiving, undefined);
});

Deno.test("bind() says that an address is in use, for tcp and for a living ipc socket", async () => {
  await using one = new PullSocket();
  await using two = new PullSocket();
  const endpoint = await one.bind(LOCAL);
  const said = "address in use: use another port or stop the other process";
  await assertRejects(() => two.bind(endpoint), PushpinError, `Cannot listen on ${endpoint}: ${said}`);
  const directory = await Deno.makeTempDir();
  const ipc = await one.bind(`ipc://${directory}/s`);
  await assertRejects(
    () => two.bind(ipc),
    PushpinError,
    `Cannot listen on ${ipc}: address in use: use another path`,
  );
  await Deno.writeTextFile(`${directory}/file`, "mine");
  await assertRejects(
    () => two.bind(`ipc://${directory}/file`),
    PushpinError,
    "a file that is no socket is in the way",
  );
  assertEquals(await Deno.readTextFile(`${directory}/file`), "mine");
  await one.close();
  await assertRejects(() => Deno.lstat(`${directory}/s`), Deno.errors.NotFound);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("bind() gives an ipc socket the mode it was asked for", async () => {
  const directory = await Deno.makeTempDir();
  await using pull = new PullSocket({ ipcFileMode: 0o600 });
  await pull.bind(`ipc://${directory}/s`);
  assertEquals((await Deno.lstat(`${directory}/s`)).mode! & 0o777, 0o600);
  await pull.close();
  await Deno.remove(directory, { recursive: true });
});

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
