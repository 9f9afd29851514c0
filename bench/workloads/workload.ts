/** What a workload is: something done to one running peer, measured. */
import type { Lab } from "../lab.ts";
import type { PeerName, RunningPeer } from "../peers/peer.ts";

export interface Measured {
  /** Within the workload; `<workload>.<metric>` names it in results and budget. */
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** Which way is better; "none" for numbers that only explain. */
  readonly better: "more" | "less" | "none";
}

/** How much of everything. */
export interface Scale {
  /** Of each wrk run. */
  readonly wrkSeconds: number;
  /** The many holds: 10 000 where nothing is said. */
  readonly holds: number;
  /** The same for the original, which takes a minute for 10 000. */
  readonly pushpinHolds: number;
  /** Window in which idle CPU is counted. */
  readonly idleSeconds: number;
  /** Deliveries of one fan-out measurement, roughly. */
  readonly deliveries: number;
}

export interface Bench {
  readonly lab: Lab;
  readonly scale: Scale;
}

export interface Workload {
  readonly id: string;
  readonly title: string;
  /** In the order of the columns; ours first. */
  readonly peers: readonly PeerName[];
  run(peer: RunningPeer, bench: Bench): Promise<readonly Measured[]>;
}

export const more = (metric: string, value: number, unit: string): Measured => ({
  metric,
  value,
  unit,
  better: "more",
});
export const less = (metric: string, value: number, unit: string): Measured => ({
  metric,
  value,
  unit,
  better: "less",
});
export const note = (metric: string, value: number, unit: string): Measured => ({
  metric,
  value,
  unit,
  better: "none",
});
