/** Plays one case against a running GRIP proxy and writes down what went over the wire. */
import { latin1Text } from "../helpers/bytes.ts";
import { RawClient } from "../helpers/raw_client.ts";
import type { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { DeadlineError, pause } from "../helpers/wait.ts";
import { originRules, type Scenario, type Step } from "./scenario.ts";
import {
  type Event,
  isWhole,
  originEvent,
  type SeenResponse,
  seenResponses,
  type Transcript,
} from "./transcript.ts";
import { pushOnce } from "./zmtp_push.ts";

/** Where the program under test listens. */
export interface Place {
  readonly hostname?: string;
  readonly proxy: number;
  readonly control: number;
  /** The ZeroMQ PULL port. */
  readonly push: number;
}

/** Pauses of the script, in seconds: the recordings were made with these. */
const SETTLE = { send: 0.15, publish: 0.15, zmq: 0.3, end: 0.05 };
const CONTROL_DEADLINE_MS = 3_000;

interface Connection {
  readonly client: RawClient;
  lastMethod: string;
}

/** Plays the case from its first step to its last; a step that throws ends it with an `error` event. */
export async function replay(scenario: Scenario, place: Place, origin: ScriptedOrigin): Promise<Transcript> {
  const log: Event[] = [];
  const connections = new Map<string, Connection>();
  origin.setRules(
    originRules(scenario.origin, (request) => log.push(originEvent(request, Date.now() / 1000))),
  );
  try {
    for (const step of scenario.steps) await play(step, { place, log, connections });
  } catch (e) {
    log.push({ error: e instanceof Error ? `${e.name}: ${e.message}` : String(e) });
  }
  await Promise.all([...connections.values()].map(({ client }) => client.close()));
  origin.setRules([]);
  await pause(SETTLE.end * 1000);
  return log.slice();
}

interface Stage {
  readonly place: Place;
  readonly log: Event[];
  readonly connections: Map<string, Connection>;
}

async function play(step: Step, stage: Stage): Promise<void> {
  if ("send" in step) return await send(step, stage);
  if ("read" in step) return await read(step, stage);
  if ("publish" in step) {
    stage.log.push({ control: await publish(step, stage.place) });
    return await pause(SETTLE.publish * 1000);
  }
  if ("zmq" in step) {
    await pushOnce(stage.place.push, new TextEncoder().encode("J" + JSON.stringify(step.zmq)));
    return await pause(SETTLE.zmq * 1000);
  }
  if ("close" in step) {
    await stage.connections.get(step.close)?.client.close();
    stage.connections.delete(step.close);
    return;
  }
  await pause(step.wait * 1000);
}

async function send(step: Extract<Step, { send: string }>, { place, connections }: Stage): Promise<void> {
  let connection = connections.get(step.send);
  if (!connection) {
    const client = await RawClient.connect({ port: place.proxy, ...hostnameOf(place) });
    connections.set(step.send, connection = { client, lastMethod: "GET" });
  }
  if (step.raw !== undefined) {
    connection.lastMethod = step.raw.split(" ")[0]!;
    await connection.client.send(step.raw);
  } else if (step.request) {
    connection.lastMethod = step.request.method ?? "GET";
    await connection.client.request(step.request);
  }
  await pause((step.settle ?? SETTLE.send) * 1000);
}

async function read(step: Extract<Step, { read: string }>, { log, connections }: Stage): Promise<void> {
  const connection = connections.get(step.read);
  if (!connection) throw new Error(`No connection "${step.read}"`);
  const raw = await connection.client.collect((step.for ?? 0.5) * 1000);
  log.push({
    client: step.read,
    got: seenResponses(raw, connection.lastMethod === "HEAD"),
    closed: connection.client.end !== undefined,
  });
}

async function publish(step: Extract<Step, { publish: unknown }>, place: Place): Promise<SeenResponse> {
  const { method = "POST", path = "/publish/", type = "application/json" } = step;
  const text = typeof step.publish === "string" ? step.publish : JSON.stringify(step.publish);
  const body = new TextEncoder().encode(text);
  await using client = await RawClient.connect({ port: place.control, ...hostnameOf(place) });
  await client.send(
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: ${type}\r\n` +
      `Content-Length: ${body.length}\r\n\r\n`,
  );
  await client.send(body);
  const headOnly = method === "HEAD";
  const end = performance.now() + CONTROL_DEADLINE_MS;
  let raw = "";
  while (!isWhole(raw, headOnly) && performance.now() < end) {
    try {
      const bytes = await client.reader.takeSome(Math.max(1, end - performance.now()));
      if (bytes.length === 0) break;
      raw += latin1Text(bytes);
    } catch (e) {
      if (!(e instanceof DeadlineError)) throw e;
    }
  }
  return seenResponses(raw, headOnly)[0] ?? { bytes: "" };
}

function hostnameOf(place: Place): { hostname?: string } {
  return place.hostname === undefined ? {} : { hostname: place.hostname };
}
