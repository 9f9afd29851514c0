/** Publishing: how many requests the control API takes; one subscriber counts what arrives. */
import { batchRequest, message, publishRequest } from "../load/dialect.ts";
import { Fleet } from "../load/fleet.ts";
import { runWrk } from "../load/wrk.ts";
import type { RunningPeer } from "../peers/peer.ts";
import { pause } from "../processes.ts";
import { decodeText } from "../text.ts";
import { type Bench, less, more, type Workload } from "./workload.ts";

const BATCH = 100;

export const publishWorkloads: readonly Workload[] = [
  {
    id: "publish-1",
    title: "Publishes over HTTP, one kept connection",
    peers: ["ours", "nchan", "pushpin"],
    run: (peer, bench) => publish(peer, bench, { connections: 1, batch: 1 }),
  },
  {
    id: "publish-20",
    title: "Publishes over HTTP, 20 connections",
    peers: ["ours", "nchan", "pushpin"],
    run: (peer, bench) => publish(peer, bench, { connections: 20, batch: 1 }),
  },
  {
    id: "publish-batch",
    title: `Publishes over HTTP, ${BATCH} items a request`,
    peers: ["ours", "pushpin"],
    run: (peer, bench) => publish(peer, bench, { connections: 1, batch: BATCH }),
  },
  {
    id: "publish-zmq",
    title: "Publishes over ZeroMQ PUSH, an item a message",
    peers: ["ours", "pushpin"],
    run: push,
  },
  {
    id: "publish-1-two",
    title: "Publishes over HTTP, one kept connection, two processes",
    peers: ["ours-2"],
    run: (peer, bench) => publish(peer, bench, { connections: 1, batch: 1 }),
  },
];

async function publish(
  peer: RunningPeer,
  bench: Bench,
  how: { readonly connections: number; readonly batch: number },
) {
  const { lab, scale } = bench;
  if (peer.publishPort === undefined) throw new Error(`Cannot publish: ${peer.name} takes none`);
  await using fleet = new Fleet();
  await fleet.open(peer, { kind: "stream", count: 1 });
  await pause(500 + peer.settleMs);
  const text = message(64);
  const request = how.batch === 1
    ? publishRequest(peer.dialect, "c0", text)
    : batchRequest(Array.from({ length: how.batch }, () => "c0"), text);
  const script = await lab.write("publish.lua", luaOf(decodeText(request)));
  const options = { url: `http://127.0.0.1:${peer.publishPort}`, script, connections: how.connections };
  await runWrk({ ...options, seconds: 1 });
  await pause(500);
  await fleet.tell({ do: "reset" });
  const start = performance.now();
  const result = await runWrk({ ...options, seconds: scale.wrkSeconds });
  // wrk forgets the requests under way at its end, so there may be more than it counted, never fewer.
  const accepted = (result.requests - result.errors) * how.batch;
  const drained = await fleet.tell({ do: "drain", expected: accepted, patienceMs: 3_000 });
  const seconds = (performance.now() - start) / 1000;
  return [
    more("rate", result.requestsPerSecond * how.batch, "items/s"),
    more("delivered", Math.min(drained.delivered, accepted) / seconds, "items/s"),
    less("p50", result.p50Ms, "ms"),
    less("lost", drained.lost, ""),
    less("refused", result.errors, ""),
  ];
}

async function push(peer: RunningPeer, { scale }: Bench) {
  await using fleet = new Fleet();
  await fleet.open(peer, { kind: "stream", count: 1 });
  await pause(500 + peer.settleMs);
  await fleet.push(peer, 10_000);
  const pushed = await fleet.push(peer, scale.deliveries / 4);
  return [more("delivered", pushed.delivered / pushed.seconds, "items/s"), less("lost", pushed.lost, "")];
}

/** The request as wrk sends it: always the same text. */
function luaOf(request: string): string {
  return `local text = ${luaString(request)}\nrequest = function() return text end\n`;
}

function luaString(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\r", "\\r").replaceAll("\n", "\\n")}"`;
}
