/** Replays the recorded cases, against the program of this repository or any other GRIP proxy; `--help` says how. */
import { parseArgs } from "@std/cli/parse-args";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { conformanceRoutes, type Lane, programLane, runOnLanes } from "./lanes.ts";
import { originalLane } from "./original.ts";
import { type Scenario, selectScenarios } from "./scenario.ts";
import type { Transcript } from "./transcript.ts";
import { type Difference, type Differences, judge, passes } from "./verdict.ts";

const USAGE = `Usage: deno task conformance [options] [PREFIX ...]

Replays the cases whose name begins with a PREFIX (all of them without one) and compares with recorded.json.

  (no option)          our program, on free ports; what differs on purpose is in differences.json
  --executable FILE    the same for a compiled program
  --original           the original from Debian's package, started here
  --against HOST:PORT  a proxy that runs already, with the routes that --routes prints
    --control PORT     its control port (5561)
    --push PORT        its ZeroMQ PULL port (5560)
    --origin PORT      where its routes expect the origin (18900)
  --lanes N            how many cases at a time, not with --against (3)
  --record             writes what was seen into recorded.json
  --differences        writes what was seen into differences.json for the cases that differ; the reasons are yours
`;

/** Reads one of the data files beside this one. */
export async function readData<T>(name: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(new URL(name, import.meta.url)));
}

async function writeData(name: string, data: unknown): Promise<void> {
  await Deno.writeTextFile(new URL(name, import.meta.url), JSON.stringify(data, null, 1) + "\n");
}

const DEFAULT_ORIGIN_PORT = 18900;
const DOWN_PORT = 18999;

function hostPort(text: string, fallback: number): { hostname: string; port: number } {
  const [hostname = "127.0.0.1", port] = text.split(":");
  return { hostname: hostname || "127.0.0.1", port: port === undefined ? fallback : Number(port) };
}

function runningLane(
  against: string,
  ports: { readonly control: number; readonly push: number; readonly origin: number },
): Lane {
  const proxy = hostPort(against, 7999);
  const scripted = ScriptedOrigin.start({ port: ports.origin });
  return {
    place: {
      hostname: proxy.hostname,
      proxy: proxy.port,
      control: ports.control,
      push: ports.push,
    },
    origin: scripted,
    [Symbol.asyncDispose]: () => scripted.close(),
  };
}

async function main(args: string[]): Promise<number> {
  const flags = parseArgs(args, {
    string: ["against", "control", "push", "origin", "lanes", "executable"],
    boolean: ["record", "differences", "original", "routes", "help"],
    default: { control: "5561", push: "5560", origin: String(DEFAULT_ORIGIN_PORT), lanes: "3" },
  });
  if (flags.help) {
    console.log(USAGE);
    return 0;
  }
  if (flags.routes) {
    console.log(conformanceRoutes(Number(flags.origin), DOWN_PORT).join("\n"));
    return 0;
  }
  const scenarios = selectScenarios(
    await readData<readonly Scenario[]>("scenarios.json"),
    flags._.map(String),
  );
  const seen: Record<string, Transcript> = {};
  const lanes: Lane[] = [];
  try {
    if (flags.against !== undefined) {
      const [control, push, origin] = [flags.control, flags.push, flags.origin].map(Number) as [
        number,
        number,
        number,
      ];
      lanes.push(runningLane(flags.against, { control, push, origin }));
    } else {
      const start = flags.original ? originalLane : () => programLane({ executable: flags.executable });
      for (let i = 0; i < Number(flags.lanes); i++) lanes.push(await start());
    }
    await runOnLanes(scenarios, lanes, (name, got) => seen[name] = got);
  } finally {
    for (const lane of lanes) await lane[Symbol.asyncDispose]();
  }
  const recorded = await readData<Record<string, Transcript>>("recorded.json");
  const ours = flags.against === undefined && !flags.original;
  const listed = await readData<Differences>("differences.json");
  if (flags.record) {
    await writeData("recorded.json", { ...recorded, ...seen });
    console.log(`${Object.keys(seen).length} cases recorded`);
    return 0;
  }
  if (flags.differences) await writeDifferences(scenarios, { recorded, seen, listed });
  return report(scenarios, { recorded, seen, listed: ours ? listed : {} });
}

interface Material {
  readonly recorded: Readonly<Record<string, Transcript>>;
  readonly seen: Readonly<Record<string, Transcript>>;
  readonly listed: Differences;
}

function report(scenarios: readonly Scenario[], { recorded, seen, listed }: Material): number {
  let bad = 0;
  for (const { name } of scenarios) {
    const verdict = judge(recorded[name] ?? [], seen[name] ?? [], listed[name]);
    if (!passes(verdict)) bad++;
    const text = "text" in verdict ? `\n${verdict.text}` : "reason" in verdict ? `: ${verdict.reason}` : "";
    console.log(`${verdict.kind.padEnd(7)} ${name}${text}`);
  }
  console.log(`${scenarios.length - bad} as expected, ${bad} not`);
  return bad === 0 ? 0 : 1;
}

async function writeDifferences(scenarios: readonly Scenario[], material: Material): Promise<void> {
  const listed: Record<string, Difference> = { ...material.listed };
  for (const { name } of scenarios) {
    const [recorded, seen, known] = [material.recorded[name] ?? [], material.seen[name] ?? [], listed[name]];
    if (passes(judge(recorded, seen, known))) continue;
    if (judge(recorded, seen).kind === "same") {
      delete listed[name];
      continue;
    }
    // More than one transcript marks a race: another outcome of it joins them.
    const others = (known?.expected?.length ?? 0) > 1 ? known!.expected! : [];
    listed[name] = { reason: known?.reason ?? "", expected: [...others, seen] };
  }
  await writeData("differences.json", listed);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
