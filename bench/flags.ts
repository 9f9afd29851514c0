/** What `deno task bench` understands. */
export interface BenchFlags {
  /** Workloads whose id is, or begins with, one of these; empty for all. */
  readonly only: readonly string[];
  /** Peers to leave out. */
  readonly without: readonly string[];
  readonly rounds: number;
  readonly quick: boolean;
  /** Compare with bench/budget.json and fail where it is broken. */
  readonly check: boolean;
  /** Measure this tree against that commit, in place of the peers. */
  readonly compare?: string;
  /** Where the JSON goes, in place of bench/results/<time>.json. */
  readonly json?: string;
  /** Only say which workloads and peers there are. */
  readonly list: boolean;
}

export const USAGE = `deno task bench [options]
  --only A,B      workloads whose id begins with one of these
  --without P,Q   peers to leave out
  --rounds N      rounds, peers taking turns in each (3)
  --quick         short runs, fewer holds: to see that it works, not to quote
  --check         fail where a ratio of bench/budget.json is broken
  --compare REF   this tree against another commit, in place of the peers
  --json FILE     where the results go (bench/results/<time>.json)
  --list          say what there is to measure
`;

/** @throws {Error} naming the flag that is not understood. */
export function readFlags(args: readonly string[]): BenchFlags {
  const values = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const [name, inline] = (args[i] ?? "").split("=", 2) as [string, string | undefined];
    if (["--quick", "--check", "--list"].includes(name) && inline === undefined) values.set(name, "");
    else if (["--only", "--without", "--rounds", "--compare", "--json"].includes(name)) {
      const value = inline ?? args[++i];
      if (value === undefined) throw new Error(`Cannot read the flags: "${name}" needs a value\n${USAGE}`);
      values.set(name, value);
    } else throw new Error(`Cannot read the flags: "${name}" is unknown\n${USAGE}`);
  }
  const list = (name: string) => values.get(name)?.split(",").filter((item) => item !== "") ?? [];
  const quick = values.has("--quick");
  const rounds = Number(values.get("--rounds") ?? (quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`Cannot read the flags: "--rounds" takes 1 or more`);
  }
  return {
    only: list("--only"),
    without: list("--without"),
    rounds,
    quick,
    check: values.has("--check"),
    compare: values.get("--compare"),
    json: values.get("--json"),
    list: values.has("--list"),
  };
}
