/**
 * The process that holds and publishes; speaks protocol.ts on standard input and output. All of it is one loop over one
 * epoll, its own standard input among the sockets, so that clients are read while nothing is asked as well.
 */
import { cpuSecondsOf } from "../processes.ts";
import { decodeText, encodeText } from "../text.ts";
import { Clients } from "./clients.ts";
import { batchRequest, message, publishRequest, pushedItem } from "./dialect.ts";
import { EPOLLIN } from "./libc.ts";
import type { Command, PublishCommand, Reply } from "./protocol.ts";
import { Publishers } from "./publisher.ts";
import { type Owner, Reactor } from "./reactor.ts";
import { Pusher } from "./zmq_publisher.ts";

/** Without a delivery for so long, what is missing is lost. */
const PATIENCE_MS = 3_000;
/** Without an answer for so long, a publisher gives up. */
const ANSWER_PATIENCE_MS = 30_000;

const reactor = new Reactor();
const clients = new Clients(reactor);

/** Standard input; its end is the end of this process, whatever is under way. */
class Commands implements Owner {
  readonly #buffer = new Uint8Array(65_536);
  #pending = "";

  constructor() {
    reactor.watch(0, EPOLLIN, reactor.join(this), 0);
  }

  ready(): void {
    const read = Deno.stdin.readSync(this.#buffer);
    if (read === null) Deno.exit(0);
    this.#pending += decodeText(this.#buffer.subarray(0, read));
  }

  /** Waits for it. */
  next(): string {
    while (!this.#pending.includes("\n")) reactor.turn(-1);
    const end = this.#pending.indexOf("\n");
    const line = this.#pending.slice(0, end);
    this.#pending = this.#pending.slice(end + 1);
    return line;
  }
}

function obey(command: Command): Partial<Reply> {
  switch (command.do) {
    case "open": {
      const channelOf = (index: number) => `${command.channel}${index % command.channels}`;
      return { opened: clients.open({ ...command, channelOf }) };
    }
    case "again":
      return { opened: clients.again() };
    case "publish":
      return publish(command);
    case "push": {
      clients.reset();
      const start = performance.now();
      const { port, messages: count } = command;
      const item = pushedItem(`${command.channel}0`, message(64));
      using pusher = new Pusher(reactor, { port, message: item, count, delivered: () => clients.delivered });
      const sent = pusher.finish(PATIENCE_MS);
      return sent === count ? deliveries(sent, start) : soFar(sent, start);
    }
    case "reset":
      return clients.reset(), {};
    case "drain":
      clients.wait(command.expected, command.patienceMs);
      return { lost: Math.max(0, command.expected - clients.delivered) };
    case "close":
      return clients.close(), {};
  }
}

function publish(command: PublishCommand): Partial<Reply> {
  const { port, channel, channels, messages, pace, connections, batch, expected } = command;
  const text = message(command.bytes);
  const name = (index: number) => `${channel}${index % channels}`;
  // Made before the clock matters; many channels make many texts, one channel one.
  const requests = Array.from(
    { length: Math.min(messages, channels) / batch | 0 || 1 },
    (_, i) =>
      batch === 1
        ? publishRequest(command.dialect, name(i), text)
        : batchRequest(Array.from({ length: batch }, (_, k) => name(i * batch + k)), text),
  );
  const sends = messages / batch;
  let [sent, answers, refused] = [0, 0, 0];
  const send = (index: number) => publishers.send(index, requests[sent++ % requests.length]!);
  using publishers = new Publishers(reactor, {
    port,
    count: connections,
    answered(index, status) {
      answers++;
      if (status !== 200 && status !== 201 && status !== 202) refused++;
      if (pace === "burst" && sent < sends) send(index);
    },
  });
  const allAnswered = () => {
    if (reactor.until(() => answers === sent, () => answers, ANSWER_PATIENCE_MS)) return;
    throw new Error(
      `Cannot publish to port ${port}: no answer for ${ANSWER_PATIENCE_MS / 1000} s, ${answers} came`,
    );
  };
  clients.reset();
  const start = performance.now();
  if (pace === "step") {
    while (sent < sends) {
      send(0);
      allAnswered();
      if (!clients.wait(expected * sent / sends, PATIENCE_MS)) return { ...soFar(expected, start), refused };
    }
  } else {
    for (let i = 0; i < connections && sent < sends; i++) send(i);
    allAnswered();
  }
  return { ...deliveries(expected, start), refused };
}

/** When the last delivery is in, or none comes any more. */
function deliveries(expected: number, start: number): Pick<Reply, "seconds" | "lost"> {
  clients.wait(expected, PATIENCE_MS);
  return soFar(expected, start);
}

/** What was waited for in vain is not counted as time. */
function soFar(expected: number, start: number): Pick<Reply, "seconds" | "lost"> {
  const lost = Math.max(0, expected - clients.delivered);
  return { seconds: (performance.now() - start - (lost === 0 ? 0 : PATIENCE_MS)) / 1000, lost };
}

function answer(line: string): Reply {
  const cpu = cpuSecondsOf(Deno.pid);
  const start = performance.now();
  let said: Partial<Reply>;
  try {
    said = obey(JSON.parse(line) as Command);
  } catch (error) {
    said = { error: error instanceof Error ? error.message : String(error) };
  }
  const [fewest, most] = clients.spread();
  return {
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: cpuSecondsOf(Deno.pid) - cpu,
    opened: clients.size,
    failed: clients.failed,
    delivered: clients.delivered,
    fewest,
    most,
    refused: 0,
    lost: 0,
    ...said,
  };
}

const commands = new Commands();
for (;;) Deno.stdout.writeSync(encodeText(JSON.stringify(answer(commands.next())) + "\n"));
