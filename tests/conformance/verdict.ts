/** Whether a case went as recorded, as its listed difference says, or wrongly. */
import { comparable, type Transcript } from "./transcript.ts";

/** A way in which the program differs on purpose. */
export interface Difference {
  /** For a user: what is better this way, or why it cannot be otherwise. */
  readonly reason: string;
  /**
   * What the program does instead, exactly; without it any difference is let through. Several where the case stands on
   * a race of clocks: each of them is right, and so is the recording where it is one of them.
   */
  readonly expected?: readonly Transcript[];
}

export type Differences = Readonly<Record<string, Difference>>;

export type Verdict =
  | { readonly kind: "same" }
  | { readonly kind: "listed"; readonly reason: string }
  | { readonly kind: "differs"; readonly text: string }
  /** A listed difference that is none any more. */
  | { readonly kind: "stale"; readonly text: string };

/** Both passing kinds are a pass. */
export function passes(verdict: Verdict): boolean {
  return verdict.kind === "same" || verdict.kind === "listed";
}

export function judge(recorded: Transcript, got: Transcript, difference?: Difference): Verdict {
  const apart = eventDifferences(recorded, got);
  if (!difference) return apart === "" ? { kind: "same" } : { kind: "differs", text: apart };
  const { expected, reason } = difference;
  if (apart === "") {
    if (expected?.some((one) => eventDifferences(one, got) === "")) return { kind: "same" };
    return { kind: "stale", text: `is as recorded now: remove it from differences.json ("${reason}")` };
  }
  const off = (expected ?? [got]).map((one) => eventDifferences(one, got));
  if (off.includes("")) return { kind: "listed", reason };
  return {
    kind: "differs",
    text: `not as its listed difference says ("${reason}"):\n${off.join("\n   or\n")}`,
  };
}

/** The events that differ, wanted above seen; empty where none does. */
export function eventDifferences(wanted: Transcript, seen: Transcript): string {
  const [want, got] = [comparable(wanted), comparable(seen)];
  const lines: string[] = [];
  for (let i = 0; i < Math.max(want.length, got.length); i++) {
    const [w, g] = [JSON.stringify(want[i]) ?? "nothing", JSON.stringify(got[i]) ?? "nothing"];
    if (w !== g) lines.push(`   want ${w}\n   got  ${g}`);
  }
  return lines.join("\n");
}
