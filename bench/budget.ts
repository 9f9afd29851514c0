/** bench/budget.json, and whether a run keeps it. Pure. */
import type { PeerName } from "./peers/peer.ts";
import { shortNumber } from "./report.ts";
import type { Row } from "./results.ts";

export interface BudgetLine {
  /** `<workload>.<metric>`. */
  readonly id: string;
  /** The ratio against this peer; absent for our own number as it is. */
  readonly against?: PeerName;
  readonly goal?: number;
  readonly floor?: number;
  /** What was last measured and committed; a run may be worse by `tolerance`, not more. */
  readonly baseline?: number;
}

export interface Budget {
  /** The share by which a baseline may be missed. */
  readonly tolerance: number;
  readonly lines: readonly BudgetLine[];
}

export interface Verdict {
  readonly line: BudgetLine;
  readonly value?: number;
  /** `absent`: not measured in this run, which fails nothing. */
  readonly state: "kept" | "goal-missed" | "floor-missed" | "regressed" | "absent";
  readonly text: string;
}

/** Judges every line of the budget. */
export function judge(budget: Budget, rows: readonly Row[], ours: PeerName): readonly Verdict[] {
  return budget.lines.map((line) => {
    const row = rows.find(({ id }) => id === line.id);
    const value = line.against === undefined
      ? row?.medians[ours] ?? row?.medians["ours-2"]
      : row?.ratios[line.against];
    if (row === undefined || value === undefined) {
      return { line, state: "absent", text: `${name(line)}: not measured` };
    }
    const worse = (bound: number) => row.better === "more" ? value < bound : value > bound;
    const limit = line.baseline === undefined
      ? undefined
      : line.baseline * (row.better === "more" ? 1 - budget.tolerance : 1 + budget.tolerance);
    const state = limit !== undefined && worse(limit)
      ? "regressed"
      : line.floor !== undefined && worse(line.floor)
      ? "floor-missed"
      : line.goal !== undefined && worse(line.goal)
      ? "goal-missed"
      : "kept";
    return { line, value, state, text: `${name(line)}: ${shortNumber(value)} (${wanted(line)})` };
  });
}

/** Whether a run with this verdict fails: a goal is what we want, a floor and a baseline are what we promise. */
export function fails({ state }: Verdict): boolean {
  return state === "regressed" || state === "floor-missed";
}

function name(line: BudgetLine): string {
  return line.against === undefined ? line.id : `${line.id} / ${line.against}`;
}

function wanted({ goal, floor, baseline }: BudgetLine): string {
  return Object.entries({ goal, floor, baseline }).filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${value}`).join(", ");
}
