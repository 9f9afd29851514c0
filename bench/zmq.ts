/**
 * `deno run -A bench/zmq.ts [items]`: items per second into a publishing door, in one run: our whole ZeroMQ PULL door
 * (read, decode, validate, ingest), our PULL socket alone, python3-zmq's PULL alone, and our HTTP control API. Three
 * rounds in turning order, a fresh process each; the sender is python3-zmq's PUSH (for HTTP one kept connection, one
 * item a request). The receiver's own CPU time stands beside the wall clock: the sender shares the machine.
 */
import { encodeTnetstring } from "../src/server/wire/tnetstring.ts";
import { PYTHON_WITH_ZMQ } from "../tests/helpers/libzmq.ts";
import { freePort } from "../tests/helpers/free_port.ts";

const ITEMS = Number(Deno.args[0] ?? 200_000);
const HTTP_ITEMS = Math.ceil(ITEMS / 10);
const ROUNDS = 3;

/** A small item, about 100 bytes on the wire, as the Python clients write it. */
const ITEM = { channel: "c0", formats: { "http-stream": { content: "x".repeat(32) + "\n" } } };

const SENDER = `
import sys, zmq
socket = zmq.Context().socket(zmq.PUSH)
socket.connect(sys.argv[1])
payload = bytes.fromhex(sys.argv[3])
for _ in range(int(sys.argv[2])):
    socket.send(payload)
socket.close(linger=60000)
`;

const PYTHON_RECEIVER = `
import sys, time, zmq, json, resource
socket = zmq.Context().socket(zmq.PULL)
socket.bind(sys.argv[1])
print("ready", flush=True)
count = int(sys.argv[2])
socket.recv()
began = time.monotonic()
for _ in range(count - 1):
    socket.recv()
seconds = time.monotonic() - began
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"seconds": seconds, "cpuSeconds": usage.ru_utime + usage.ru_stime}), flush=True)
`;

interface Result {
  readonly seconds: number;
  /** Of the receiver, its start included. */
  readonly cpuSeconds: number;
}

interface Contestant {
  readonly name: string;
  readonly items: number;
  readonly receiver: (endpoint: string, items: number) => Deno.Command;
  readonly http?: true;
}

const ours = (mode: string) => (endpoint: string, items: number) =>
  new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("zmq_receiver.ts", import.meta.url).pathname, mode, endpoint, String(items)],
    stdout: "piped",
  });

function contestants(python: string): readonly Contestant[] {
  return [
    { name: "our PULL door", items: ITEMS, receiver: ours("door") },
    { name: "our PULL socket", items: ITEMS, receiver: ours("socket") },
    {
      name: "python3-zmq PULL",
      items: ITEMS,
      receiver: (endpoint, items) =>
        new Deno.Command(python, { args: ["-c", PYTHON_RECEIVER, endpoint, String(items)], stdout: "piped" }),
    },
    { name: "our HTTP control API", items: HTTP_ITEMS, receiver: ours("http"), http: true },
  ];
}

async function measure(python: string, contestant: Contestant): Promise<Result> {
  const endpoint = `tcp://127.0.0.1:${freePort()}`;
  const receiver = contestant.receiver(endpoint, contestant.items).spawn();
  const lines = receiver.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const line = async () => {
    while (!text.includes("\n")) {
      const { value, done } = await lines.read();
      if (done) throw new Error(`${contestant.name}: the receiver ended`);
      text += value;
    }
    const end = text.indexOf("\n");
    const found = text.slice(0, end);
    text = text.slice(end + 1);
    return found;
  };
  await line();
  if (contestant.http === true) await sendHttp(endpoint, contestant.items);
  else {
    const hex = Array.from(encodeTnetstring(ITEM), (byte) => byte.toString(16).padStart(2, "0")).join("");
    const sender = new Deno.Command(python, { args: ["-c", SENDER, endpoint, String(contestant.items), hex] })
      .spawn();
    await sender.status;
  }
  const result = JSON.parse(await line()) as Result;
  await lines.cancel();
  await receiver.status;
  return result;
}

/** One kept connection, the next request when the last one is answered. */
async function sendHttp(endpoint: string, items: number): Promise<void> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(endpoint.split(":").at(-1)) });
  conn.setNoDelay(true);
  const body = JSON.stringify({ items: [ITEM] });
  const head = `POST /publish/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
  const request = new TextEncoder().encode(head + body);
  const buffer = new Uint8Array(65536);
  for (let i = 0; i < items; i++) {
    await conn.write(request);
    if (await conn.read(buffer) === null) throw new Error("The control API closed the connection");
  }
}

if (PYTHON_WITH_ZMQ === undefined) Deno.exit(1);
const all = contestants(PYTHON_WITH_ZMQ);
const rates = new Map<string, { wall: number[]; cpu: number[] }>(
  all.map(({ name }) => [name, { wall: [], cpu: [] }]),
);
for (let round = 0; round < ROUNDS; round++) {
  for (const contestant of round % 2 === 0 ? all : all.toReversed()) {
    const { seconds, cpuSeconds } = await measure(PYTHON_WITH_ZMQ, contestant);
    rates.get(contestant.name)?.wall.push(Math.round(contestant.items / seconds));
    rates.get(contestant.name)?.cpu.push(Math.round(contestant.items / cpuSeconds));
  }
}
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
for (const [name, { wall, cpu }] of rates) {
  const raw = wall.join(", ");
  console.log(
    `${name.padEnd(22)} ${String(median(wall)).padStart(8)} items/s (${raw}), ${
      median(cpu)
    } items per CPU second`,
  );
}
