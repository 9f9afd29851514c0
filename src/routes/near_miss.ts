import { levenshteinDistance } from "@std/text/levenshtein-distance";

/**
 * The name that was probably meant by `word`: equal but for case, "-" and "_", or a few letters away
 * (one in three of the word, at least one). Undefined where nothing is near enough to be worth saying.
 */
export function nearMiss(word: string, names: Iterable<string>): string | undefined {
  if (word.length > MAX_WORD) return undefined;
  const plain = plainName(word);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    if (plainName(name) === plain) return name;
    const distance = levenshteinDistance(word, name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Longer words are no slips of the pen. */
const MAX_WORD = 64;

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, "");
}
