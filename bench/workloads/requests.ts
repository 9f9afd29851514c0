/** Forwarding, loaded by wrk: how many a second, and how long one takes. */
import { LARGE_BYTES, PATHS } from "../origin.ts";
import { runWrk, type WrkOptions } from "../load/wrk.ts";
import type { PeerName, RunningPeer } from "../peers/peer.ts";
import { type Bench, less, more, note, type Workload } from "./workload.ts";

interface Kind {
  readonly id: string;
  readonly title: string;
  readonly path: string;
  readonly connections: number;
  readonly peers?: readonly PeerName[];
  readonly headers?: readonly string[];
  readonly post?: boolean;
}

const ONE: readonly PeerName[] = ["ours", "nginx", "nginx-kept", "bare", "pushpin"];
const TWO: readonly PeerName[] = ["ours-2", "nginx-2"];

const KINDS: readonly Kind[] = [
  { id: "get-1", title: "GET 64 B, one alone", path: PATHS.small, connections: 1 },
  { id: "get-50", title: "GET 64 B, 50 connections", path: PATHS.small, connections: 50 },
  { id: "get-200", title: "GET 64 B, 200 connections", path: PATHS.small, connections: 200 },
  { id: "get-50-two", title: "GET 64 B, 50 connections", path: PATHS.small, connections: 50, peers: TWO },
  { id: "get-large-50", title: "GET 100 KB, 50 connections", path: PATHS.large, connections: 50 },
  {
    id: "post-large-50",
    title: "POST 100 KB, 50 connections",
    path: PATHS.post,
    connections: 50,
    post: true,
  },
  {
    id: "gzip-50",
    title: "GET 100 KB as gzip, 50 connections",
    path: PATHS.gzip,
    connections: 50,
    headers: ["Accept-Encoding: gzip"],
  },
];

export const requestWorkloads: readonly Workload[] = KINDS.map((kind) => ({
  id: kind.id,
  title: kind.title,
  peers: kind.peers ?? ONE,
  run: (peer, bench) => measure(kind, peer, bench),
}));

async function measure(kind: Kind, peer: RunningPeer, { lab, scale }: Bench) {
  const options: WrkOptions = {
    url: `http://127.0.0.1:${peer.port}${kind.path}`,
    connections: kind.connections,
    seconds: scale.wrkSeconds,
    headers: kind.headers,
    script: kind.post ? await lab.write("post.lua", POST) : undefined,
  };
  await runWrk({ ...options, seconds: 1 });
  const before = peer.group.cpuSeconds();
  const result = await runWrk(options);
  const cpu = peer.group.cpuSeconds() - before;
  return [
    more("rate", result.requestsPerSecond, "/s"),
    less("p50", result.p50Ms, "ms"),
    less("p99", result.p99Ms, "ms"),
    less("failed", result.errors, ""),
    note("cpu", result.requests === 0 ? Number.NaN : cpu / result.requests * 1e6, "us/request"),
  ];
}

const POST = `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/octet-stream"
wrk.body = string.rep("p", ${LARGE_BYTES})
`;
