/** Every peer, and who takes part in what. */
import type { BenchFlags } from "../flags.ts";
import { runToEnd } from "../processes.ts";
import type { Workload } from "../workloads/workload.ts";
import { barePeer } from "./bare.ts";
import { nchanPeer } from "./nchan.ts";
import { nginxPeer } from "./nginx.ts";
import { ourPeer } from "./ours.ts";
import type { Peer, PeerName } from "./peer.ts";
import { pushpinPeer } from "./pushpin.ts";
import { rawPeer } from "./raw.ts";

export interface Peers extends AsyncDisposable {
  readonly byName: ReadonlyMap<PeerName, Peer>;
  /** Who takes part in a workload, in the order of its columns. */
  of(workload: Workload): readonly PeerName[];
}

/** @throws {Error} where `--compare` names no commit. */
export async function allPeers(tree: string, flags: Pick<BenchFlags, "compare">): Promise<Peers> {
  const one = ourPeer({ name: "ours", title: "ours, one process" });
  const two = ourPeer({ name: "ours-2", title: "ours, workers = 2", workers: 2 });
  if (flags.compare !== undefined) return await against(tree, flags.compare, [one, two]);
  const peers = [
    one,
    two,
    nginxPeer("nginx"),
    nginxPeer("nginx-kept"),
    nginxPeer("nginx-2"),
    nchanPeer(1),
    nchanPeer(2),
    pushpinPeer(),
    barePeer(),
    rawPeer(),
  ];
  return {
    byName: new Map(peers.map((peer) => [peer.name, peer])),
    of: ({ peers }) => peers,
    async [Symbol.asyncDispose]() {},
  };
}

/** The other commit in a worktree of its own, beside us in every workload. */
async function against(tree: string, ref: string, ours: readonly Peer[]): Promise<Peers> {
  const dir = await Deno.makeTempDir({ prefix: "pushpin_bench_base_" });
  const git = (...args: readonly string[]) => runToEnd(["git", "-C", tree, "worktree", ...args]);
  const { code, stderr } = await git("add", "--detach", `${dir}/tree`, ref);
  if (code !== 0) throw new Error(`Cannot compare with "${ref}": ${stderr.trim()}`);
  const base = (name: "base" | "base-2", workers?: number) =>
    ourPeer({
      name,
      title: `${ref}${workers === undefined ? "" : `, workers = ${workers}`}`,
      tree: `${dir}/tree`,
      workers,
    });
  const peers = [...ours, base("base"), base("base-2", 2)];
  return {
    byName: new Map(peers.map((peer) => [peer.name, peer])),
    of: (workload) => workload.peers.includes("ours-2") ? ["ours-2", "base-2"] : ["ours", "base"],
    async [Symbol.asyncDispose]() {
      await git("remove", "--force", `${dir}/tree`);
      await Deno.remove(dir, { recursive: true });
    },
  };
}
