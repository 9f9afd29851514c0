/**
 * `deno task bench`: this program beside the best there is, on one machine, in one run. Every workload takes turns
 * over the peers, three rounds, each with a fresh process; see bench/README.md for what each measures.
 */
import { type Budget, fails, judge } from "./budget.ts";
import { type BenchFlags, readFlags } from "./flags.ts";
import { installPeers } from "./install.ts";
import { openLab } from "./lab.ts";
import { killAllFleets } from "./load/fleet.ts";
import { commitOf, describeMachine, versions } from "./machine.ts";
import { startOrigin } from "./origin.ts";
import { allPeers } from "./peers/all.ts";
import type { Peer, PeerName } from "./peers/peer.ts";
import { killAllGroups } from "./processes.ts";
import { reportText } from "./report.ts";
import { Collector, type RunResults } from "./results.ts";
import { WORKLOADS } from "./workloads/all.ts";
import type { Scale, Workload } from "./workloads/workload.ts";

const FULL: Scale = {
  wrkSeconds: 4,
  holds: 10_000,
  pushpinHolds: 10_000,
  idleSeconds: 27,
  deliveries: 300_000,
};
const QUICK: Scale = {
  wrkSeconds: 2,
  holds: 10_000,
  pushpinHolds: 1_000,
  idleSeconds: 25,
  deliveries: 100_000,
};

const TREE = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

async function bench(flags: BenchFlags): Promise<number> {
  const chosen = WORKLOADS.filter(({ id }) =>
    flags.only.length === 0 || flags.only.some((name) => id === name || id.startsWith(name))
  );
  if (chosen.length === 0) throw new Error(`No workload is called ${flags.only.join(", ")}: see --list`);
  if (flags.list) {
    for (const { id, title, peers } of chosen) say(`${id.padEnd(18)} ${title} [${peers.join(", ")}]`);
    return 0;
  }
  await installPeers(say);
  await using peers = await allPeers(TREE, flags);
  const missing: Record<string, string> = {};
  for (const [name, peer] of peers.byName) {
    const why = await peer.missing();
    if (why !== undefined) missing[name] = why;
  }
  const base = {
    commit: await commitOf(TREE),
    date: new Date().toISOString(),
    machine: await describeMachine(),
    versions: await versions(),
    rounds: flags.rounds,
    quick: flags.quick,
  };
  const collector = new Collector();
  const failures: string[] = [];
  const scale = flags.quick ? QUICK : FULL;
  for (const workload of chosen) {
    const names = peers.of(workload).filter((name) =>
      missing[name] === undefined && !flags.without.includes(name)
    );
    for (let round = 0; round < flags.rounds; round++) {
      // The order turns, so that no peer is always the first on a cold machine.
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        const peer = peers.byName.get(name)!;
        try {
          collector.add(workload.id, name, await measureOnce(workload, peer, scale));
        } catch (error) {
          failures.push(
            `${workload.id}, ${name}, round ${round + 1}: ${error instanceof Error ? error.message : error}`,
          );
          say(failures.at(-1)!);
        }
        note(`${workload.id} ${round + 1}/${flags.rounds} ${name}`);
      }
    }
  }
  const rows = collector.rows(["ours", "ours-2"]);
  const results: RunResults = { ...base, missing, failures, rows };
  const titles = new Map(WORKLOADS.map(({ id, title }) => [id, title]));
  say(reportText(results, titles));
  const path = flags.json ?? `${TREE}/bench/results/${base.date.replaceAll(":", "-").slice(0, 19)}.json`;
  await Deno.mkdir(path.slice(0, Math.max(0, path.lastIndexOf("/"))) || ".", { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify(results, undefined, 1) + "\n");
  say(`written to ${path}`);
  return flags.check && !await keepsBudget(results) ? 1 : failures.length > 0 ? 1 : 0;
}

async function measureOnce(workload: Workload, peer: Peer, scale: Scale) {
  await using lab = await openLab(TREE);
  await using origin = await startOrigin(lab);
  await using running = await peer.start(lab, origin);
  return await workload.run(running, { lab, scale });
}

async function keepsBudget({ rows }: RunResults): Promise<boolean> {
  const budget = JSON.parse(await Deno.readTextFile(`${TREE}/bench/budget.json`)) as Budget;
  const verdicts = judge(budget, rows, "ours" satisfies PeerName);
  for (const { state, text } of verdicts) say(`${state.padEnd(13)} ${text}`);
  return !verdicts.some(fails);
}

function say(line: string): void {
  console.log(line);
}

/** Where a person watches, what is done so far. */
function note(line: string): void {
  if (Deno.stderr.isTerminal()) console.error(line);
}

function endWith(code: number): never {
  killAllFleets();
  killAllGroups();
  Deno.exit(code);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => endWith(130));
try {
  endWith(await bench(readFlags(Deno.args)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  endWith(1);
}
