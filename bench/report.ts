/** The results as a table for people. Pure. */
import type { PeerName } from "./peers/peer.ts";
import type { Row, RunResults } from "./results.ts";

/** Everything of a run, as text. */
export function reportText(results: RunResults, titles: ReadonlyMap<string, string>): string {
  const lines = [
    `Pushpin for Deno ${results.commit}, ${results.date}`,
    results.machine,
    Object.entries(results.versions).map(([name, version]) => `${name} ${version}`).join(", "),
    `${results.rounds} round${results.rounds === 1 ? "" : "s"}${
      results.quick ? ", quick: not to be quoted" : ""
    }; median (raw values); x = ours / theirs`,
  ];
  for (const [peer, why] of Object.entries(results.missing)) lines.push(`missing: ${peer}: ${why}`);
  let workload = "";
  for (const row of results.rows) {
    const of = row.id.slice(0, row.id.indexOf("."));
    if (of !== workload) lines.push("", `${of}: ${titles.get(of) ?? ""}`);
    workload = of;
    lines.push(...rowLines(row));
  }
  for (const failure of results.failures) lines.push("", `FAILED ${failure}`);
  return lines.join("\n") + "\n";
}

function rowLines(row: Row): readonly string[] {
  return (Object.keys(row.medians) as PeerName[]).map((peer, index) => {
    const metric = index === 0 ? row.id.slice(row.id.indexOf(".") + 1) : "";
    const raw = row.raw[peer] ?? [];
    const ratio = row.ratios[peer];
    return [
      `  ${metric.padEnd(13)}`,
      peer.padEnd(11),
      shortNumber(row.medians[peer] ?? Number.NaN).padStart(9),
      row.unit.padEnd(11),
      ratio === undefined ? "".padEnd(8) : `x ${ratio.toFixed(2)}`.padEnd(8),
      raw.length > 1 ? `(${raw.map(shortNumber).join(" ")})` : "",
    ].join(" ").trimEnd();
  });
}

/** Three digits that mean something. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (Number.isInteger(value) || Math.abs(value) >= 100) return String(Math.round(value));
  return value.toPrecision(3);
}
