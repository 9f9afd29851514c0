/** One publish to many, and many publishes to one each. The clock stops when the last delivery is in. */
import { Fleet } from "../load/fleet.ts";
import type { Reply } from "../load/protocol.ts";
import type { PeerName, RunningPeer } from "../peers/peer.ts";
import { pause } from "../processes.ts";
import { type Bench, less, type Measured, more, note, type Workload } from "./workload.ts";

/** Publishers of a burst: as many as may come at once, each waiting for its own answers. */
const BURST_CONNECTIONS = 8;
const WARM_UP_DELIVERIES = 100_000;
const ONE: readonly PeerName[] = ["ours", "nchan", "bare", "raw", "pushpin"];
const TWO: readonly PeerName[] = ["ours-2", "nchan-2"];

interface FanOrder {
  readonly messages: number;
  readonly bytes: number;
  readonly expected: number;
  readonly pace: "step" | "burst";
}

const fan = (id: string, title: string, clients: number, bytes: number, peers = ONE): Workload => ({
  id,
  title,
  peers,
  run: (peer, bench) => fanOut(peer, bench, clients, bytes),
});

export const fanOutWorkloads: readonly Workload[] = [
  fan("fan-1000", "1 -> 1 000 streams, 64 B", 1_000, 64),
  fan("fan-1000-4k", "1 -> 1 000 streams, 4 KB", 1_000, 4096),
  fan("fan-10000", "1 -> 10 000 streams, 64 B", 10_000, 64, ["ours", "nchan", "bare", "raw"]),
  fan("fan-10000-4k", "1 -> 10 000 streams, 4 KB", 10_000, 4096, ["ours", "nchan", "bare", "raw"]),
  fan("fan-1000-two", "1 -> 1 000 streams, 64 B", 1_000, 64, TWO),
  {
    id: "channels",
    title: "Many channels with one stream each, 64 B",
    peers: ["ours", "nchan", "bare", "raw"],
    run: channels,
  },
  {
    id: "turnover",
    title: "Long-polls: publish, all return, all ask again",
    peers: ["ours", "nchan", "pushpin"],
    run: turnover,
  },
];

async function fanOut(peer: RunningPeer, { scale }: Bench, clients: number, bytes: number) {
  await using fleet = new Fleet();
  const { failed } = await fleet.open(peer, { kind: "stream", count: clients });
  await pause(500 + peer.settleMs);
  // The original takes a fifth of a second for each.
  const deliveries = peer.name === "pushpin" ? scale.deliveries / 10 : scale.deliveries;
  const messages = Math.max(4, Math.round(deliveries / clients / (bytes > 1000 ? 2 : 1)));
  const order = { messages, bytes, expected: messages * clients };
  for (const pace of ["step", "burst"] as const) await warmUp(fleet, peer, { ...order, pace }, clients);
  const step = await fleet.publish(peer, { ...order, pace: "step" });
  const burst = await fleet.publish(peer, { ...order, pace: "burst", connections: BURST_CONNECTIONS });
  return [
    ...speeds("step", step),
    ...speeds("burst", burst),
    less("lost", step.lost + burst.lost + failed, ""),
  ];
}

/** A compiler that learns while it runs has not learnt yet when it has just started; long-lived servers have. */
async function warmUp(fleet: Fleet, peer: RunningPeer, order: FanOrder, clients: number): Promise<void> {
  const messages = peer.name === "pushpin" ? 2 : Math.max(4, Math.round(WARM_UP_DELIVERIES / clients));
  const connections = order.pace === "burst" ? BURST_CONNECTIONS : 1;
  await fleet.publish(peer, { ...order, connections, messages, expected: messages * clients });
}

async function channels(peer: RunningPeer, { scale }: Bench): Promise<readonly Measured[]> {
  const count = scale.holds;
  await using fleet = new Fleet();
  const { failed } = await fleet.open(peer, { kind: "stream", count, channels: count });
  await pause(500 + peer.settleMs);
  const order = { messages: count, channels: count, bytes: 64, expected: count, pace: "burst" } as const;
  await fleet.publish(peer, { ...order, connections: BURST_CONNECTIONS });
  const single = await fleet.publish(peer, { ...order, connections: BURST_CONNECTIONS });
  const batched = peer.dialect === "grip" ? await fleet.publish(peer, { ...order, batch: 100 }) : undefined;
  return [
    ...speeds("single", single),
    ...(batched === undefined ? [] : speeds("batch", batched)),
    less("lost", single.lost + (batched?.lost ?? 0) + failed + uneven(single), ""),
  ];
}

async function turnover(peer: RunningPeer): Promise<readonly Measured[]> {
  const CLIENTS = 1_000;
  const WARM_UP = 3;
  const ROUNDS = 8;
  await using fleet = new Fleet();
  await fleet.openPolls(peer, CLIENTS);
  let returning = 0;
  let asking = 0;
  let lost = 0;
  for (let i = -WARM_UP; i < ROUNDS; i++) {
    await pause(200 + peer.settleMs);
    const reply = await fleet.publish(peer, { messages: 1, bytes: 64, pace: "step", expected: CLIENTS });
    const again = await fleet.pollAgain(peer);
    lost += reply.lost + again.lost;
    if (i < 0) continue;
    returning += reply.seconds;
    asking += again.seconds;
  }
  return [
    more("return", ROUNDS * CLIENTS / returning, "/s"),
    more("again", ROUNDS * CLIENTS / asking, "/s"),
    less("lost", lost, ""),
  ];
}

/** The generator's own share beside the speed: below 1 it had time left, so the peer was the limit. */
function speeds(metric: string, reply: Reply): readonly Measured[] {
  return [
    more(metric, reply.delivered / reply.seconds, "/s"),
    note(`${metric}-load`, reply.cpuSeconds / reply.seconds, "cores"),
  ];
}

/** Where every client gets the same, one that got more hides one that got less. */
function uneven(reply: Reply): number {
  return reply.fewest === reply.most ? 0 : reply.most - reply.fewest;
}
