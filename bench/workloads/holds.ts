/** Holding: how fast holds are opened through an origin, what one weighs, what it costs while nothing happens. */
import { Fleet } from "../load/fleet.ts";
import type { RunningPeer } from "../peers/peer.ts";
import { pause } from "../processes.ts";
import { type Bench, less, type Measured, more, note, type Workload } from "./workload.ts";

const KB = 1024;

export const holdWorkloads: readonly Workload[] = [
  {
    id: "open-streams",
    title: "Opening streams through an origin, and what they weigh",
    peers: ["ours", "nchan", "bare", "pushpin"],
    run: (peer, bench) => open(peer, bench, "stream"),
  },
  {
    id: "open-polls",
    title: "Opening long-polls through an origin, and what they weigh",
    peers: ["ours", "nchan", "bare", "pushpin"],
    run: (peer, bench) => open(peer, bench, "poll"),
  },
  { id: "open-streams-two", title: "Opening streams, two processes", peers: ["ours-2"], run: openStreams },
  { id: "holds-mixed", title: "Half long-polls, half streams, one publish", peers: ["ours"], run: mixed },
  { id: "idle", title: "Streams with keep-alives every 25 s, idle", peers: ["ours", "nchan"], run: idle },
];

function openStreams(peer: RunningPeer, bench: Bench): Promise<readonly Measured[]> {
  return open(peer, bench, "stream");
}

async function open(
  peer: RunningPeer,
  { scale }: Bench,
  kind: "stream" | "poll",
): Promise<readonly Measured[]> {
  const count = peer.name === "pushpin" ? scale.pushpinHolds : scale.holds;
  await using fleet = new Fleet();
  // What is allocated once, whoever comes, is not a hold's.
  await openSome(fleet, peer, kind, Math.min(500, count));
  await fleet.tell({ do: "close" });
  await settle(peer);
  const before = peer.group.residentBytes();
  const { seconds, failed } = await openSome(fleet, peer, kind, count);
  await settle(peer);
  const opened = peer.group.residentBytes();
  const held = await calmBytes(peer);
  await fleet.tell({ do: "close" });
  const after = await calmBytes(peer);
  return [
    more("rate", count / seconds, "/s"),
    less("memory", (held - before) / count / KB, "KB/hold"),
    less("at-once", (opened - before) / count / KB, "KB/hold"),
    less("kept", (after - before) / count / KB, "KB/hold"),
    less("failed", failed, ""),
    note("base", before / KB / KB, "MB"),
  ];
}

async function openSome(fleet: Fleet, peer: RunningPeer, kind: "stream" | "poll", count: number) {
  if (kind === "stream") return await fleet.open(peer, { kind, count });
  return { seconds: await fleet.openPolls(peer, count), failed: 0 };
}

async function mixed(peer: RunningPeer, { scale }: Bench): Promise<readonly Measured[]> {
  await using fleet = new Fleet();
  await fleet.open(peer, { kind: "stream", count: 500 });
  await fleet.tell({ do: "close" });
  await settle(peer);
  const before = peer.group.residentBytes();
  const half = scale.holds / 2;
  const start = performance.now();
  await fleet.openPolls(peer, half);
  const { failed } = await fleet.open(peer, { kind: "stream", count: half });
  const opening = (performance.now() - start) / 1000;
  await settle(peer);
  const held = await calmBytes(peer);
  const publish = await fleet.publish(peer, { messages: 1, bytes: 64, pace: "step", expected: 2 * half });
  await fleet.tell({ do: "close" });
  const after = await calmBytes(peer);
  return [
    more("rate", scale.holds / opening, "/s"),
    less("memory", (held - before) / scale.holds / KB, "KB/hold"),
    less("kept", (after - before) / scale.holds / KB, "KB/hold"),
    less("reach", publish.seconds * 1000, "ms"),
    less("lost", publish.lost + failed, ""),
  ];
}

async function idle(peer: RunningPeer, { scale }: Bench): Promise<readonly Measured[]> {
  await using fleet = new Fleet();
  const { failed } = await fleet.open(peer, { kind: "stream-keep-alive", count: scale.holds });
  await settle(peer);
  await pause(2_000);
  const start = performance.now();
  const before = peer.group.cpuSeconds();
  await pause(scale.idleSeconds * 1000);
  const cpu = (peer.group.cpuSeconds() - before) / (performance.now() - start) * 1000;
  return [less("cpu", cpu * 100, "% of a core"), less("failed", failed, "")];
}

/** Until the last subscriptions and the last frees are through. */
function settle(peer: RunningPeer): Promise<void> {
  return pause(500 + peer.settleMs);
}

/** Resident bytes when nothing has happened for a while: a garbage collector gives back when it likes. */
async function calmBytes(peer: RunningPeer): Promise<number> {
  await pause(peer.calmMs);
  return peer.group.residentBytes();
}
