/** The process that holds and publishes; speaks protocol.ts on standard input and output. */
import { cpuSecondsOf } from "../processes.ts";
import { decodeText, encodeText } from "../text.ts";
import { Clients } from "./clients.ts";
import { batchRequest, message, publishRequest, pushedItem } from "./dialect.ts";
import type { Command, PublishCommand, Reply } from "./protocol.ts";
import { Publisher } from "./publisher.ts";
import { pushMany } from "./zmq_publisher.ts";

/** Without a delivery for so long, what is missing is lost. */
const PATIENCE_MS = 3_000;

const clients = new Clients();

async function obey(command: Command): Promise<Partial<Reply>> {
  switch (command.do) {
    case "open": {
      const channelOf = (index: number) => `${command.channel}${index % command.channels}`;
      return { opened: await clients.open({ ...command, channelOf }) };
    }
    case "again":
      return { opened: await clients.again() };
    case "publish":
      return await publish(command);
    case "push": {
      clients.reset();
      const start = performance.now();
      await pushMany(command.port, pushedItem(`${command.channel}0`, message(64)), command.messages);
      const all = await clients.wait(command.messages, PATIENCE_MS);
      const seconds = (performance.now() - start) / 1000 - (all ? 0 : PATIENCE_MS / 1000);
      return { seconds, lost: Math.max(0, command.messages - clients.delivered) };
    }
    case "reset":
      return clients.reset(), {};
    case "drain":
      await clients.wait(command.expected, command.patienceMs);
      return { lost: Math.max(0, command.expected - clients.delivered) };
    case "close":
      return await clients.close(), {};
  }
}

async function publish(command: PublishCommand): Promise<Partial<Reply>> {
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
  const publishers = await Promise.all(Array.from({ length: connections }, () => Publisher.connect(port)));
  const sends = messages / batch;
  clients.reset();
  let refused = 0;
  let next = 0;
  const send = async (publisher: Publisher) => {
    const status = await publisher.send(requests[next++ % requests.length]!);
    if (status !== 200 && status !== 201 && status !== 202) refused++;
  };
  const start = performance.now();
  if (pace === "step") {
    for (let i = 0; i < sends; i++) {
      await send(publishers[0]!);
      if (!await clients.wait(expected * (i + 1) / sends, PATIENCE_MS)) break;
    }
  } else {
    await Promise.all(publishers.map(async (publisher) => {
      while (next < sends) await send(publisher);
    }));
  }
  const all = await clients.wait(expected, PATIENCE_MS);
  const seconds = (performance.now() - start) / 1000 - (all ? 0 : PATIENCE_MS / 1000);
  for (const publisher of publishers) publisher.close();
  return { seconds, refused, lost: Math.max(0, expected - clients.delivered) };
}

async function answer(line: string): Promise<Reply> {
  const cpu = cpuSecondsOf(Deno.pid);
  const start = performance.now();
  let said: Partial<Reply>;
  try {
    said = await obey(JSON.parse(line) as Command);
  } catch (error) {
    said = { error: error instanceof Error ? error.stack ?? error.message : String(error) };
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

let pending = "";
for await (const bytes of Deno.stdin.readable) {
  pending += decodeText(bytes);
  for (let end = pending.indexOf("\n"); end >= 0; end = pending.indexOf("\n")) {
    const line = pending.slice(0, end);
    pending = pending.slice(end + 1);
    Deno.stdout.writeSync(encodeText(JSON.stringify(await answer(line)) + "\n"));
  }
}
// Sockets that are still open would keep it alive.
Deno.exit(0);
