/** Peers that mean harm or know no better: each is closed with one line, and nobody else notices. */
import { assertEquals, assertRejects } from "@std/assert";
import { PushpinError } from "../../src/errors.ts";
import { encodePing, encodeReady } from "../../src/server/wire/zmtp_commands.ts";
import { encodeMessage } from "../../src/server/wire/zmtp_frames.ts";
import { encodeGreeting } from "../../src/server/wire/zmtp_greeting.ts";
import { PullSocket, PushSocket, RouterSocket } from "../../src/server/zmq/mod.ts";
import { concatBytes, latin1Bytes } from "../helpers/bytes.ts";
import { within } from "../helpers/wait.ts";
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
