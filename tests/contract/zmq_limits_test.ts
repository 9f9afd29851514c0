/** High-water marks, ends and addresses of our sockets among themselves. */
import { assertEquals, assertRejects } from "@std/assert";
import { PushpinError } from "../../src/errors.ts";
import { encodeMessage } from "../../src/server/wire/zmtp_frames.ts";
import { PubSocket, PullSocket, PushSocket, ReqSocket } from "../../src/server/zmq/mod.ts";
import { latin1Bytes } from "../helpers/bytes.ts";
import { eventually, within } from "../helpers/wait.ts";
import { RawZmtp } from "../helpers/zmq_raw.ts";

const bytes = latin1Bytes;
const text = (part: Uint8Array | undefined) => new TextDecoder().decode(part);
const LOCAL = "tcp://127.0.0.1:0";

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
