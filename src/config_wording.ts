/** How problems with settings and flags are worded. */
import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** `: did you mean "x"?` where one of the words is near enough to be meant, else nothing. */
export function suggestion(word: string, words: readonly string[]): string {
  const near = nearest(word, words);
  return near === undefined ? "" : `: did you mean "${near}"?`;
}

/** The word that was probably meant: at most a third of its letters differ. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  if (words.length === 0 || word.length > 100) return undefined;
  const near = closestString(word, words);
  const distance = levenshteinDistance(word.toLowerCase(), near.toLowerCase());
  return distance <= Math.max(1, Math.floor(near.length / 3)) ? near : undefined;
}

/** Something wrong in the settings: where it stands, what it is and what would do. */
export interface Problem {
  /** An error keeps the program from starting. */
  readonly severity: "error" | "warning";
  /** `pushpin.toml:12`, `PUSHPIN_RUNNER_WORKERS`, `--port`. */
  readonly where: string;
  readonly what: string;
}

export function formatProblem(problem: Problem): string {
  return `${problem.where}: ${problem.severity === "warning" ? "warning: " : ""}${problem.what}`;
}
