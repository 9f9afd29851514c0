/** Raw values, medians and ratios of one run. Pure. */
import type { PeerName } from "./peers/peer.ts";
import type { Measured } from "./workloads/workload.ts";

/** One number of one workload, over all peers and rounds. */
export interface Row {
  /** `<workload>.<metric>`. */
  readonly id: string;
  readonly unit: string;
  readonly better: Measured["better"];
  /** In the order of the rounds. */
  readonly raw: Readonly<Partial<Record<PeerName, readonly number[]>>>;
  readonly medians: Readonly<Partial<Record<PeerName, number>>>;
  /** Ours over theirs, of the medians; absent for numbers that only explain. */
  readonly ratios: Readonly<Partial<Record<PeerName, number>>>;
}

export interface RunResults {
  readonly commit: string;
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly quick: boolean;
  /** Peers that are not here, and what would do. */
  readonly missing: Readonly<Record<string, string>>;
  /** What broke, in words. */
  readonly failures: readonly string[];
  readonly rows: readonly Row[];
}

/** Collects what the rounds bring. */
export class Collector {
  readonly #rows = new Map<string, { first: Measured; raw: Map<PeerName, number[]> }>();

  add(workload: string, peer: PeerName, measured: readonly Measured[]): void {
    for (const one of measured) {
      const id = `${workload}.${one.metric}`;
      const row = this.#rows.get(id) ?? { first: one, raw: new Map<PeerName, number[]>() };
      this.#rows.set(id, row);
      row.raw.set(peer, [...(row.raw.get(peer) ?? []), one.value]);
    }
  }

  /** @param ours The peers that count as ours; the first that a row has is divided by the others. */
  rows(ours: readonly PeerName[]): readonly Row[] {
    return [...this.#rows].map(([id, { first: { unit, better }, raw }]) => {
      const medians = Object.fromEntries([...raw].map(([peer, values]) => [peer, median(values)]));
      const us = ours.find((name) => medians[name] !== undefined);
      const mine = us === undefined ? undefined : medians[us];
      const ratios = better === "none" || mine === undefined ? {} : Object.fromEntries(
        Object.entries(medians).filter(([peer, value]) => peer !== us && value !== 0)
          .map(([peer, value]) => [peer, mine / value]),
      );
      return { id, unit, better, raw: Object.fromEntries(raw), medians, ratios };
    });
  }
}

/** Of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
