declare module "@std/text/closest-string" {
  /** The word of a non-empty list that is fewest edits away. @throws {TypeError} on an empty list. */
  export function closestString(givenWord: string, possibleWords: readonly string[]): string;
}

declare module "@std/text/levenshtein-distance" {
  export function levenshteinDistance(a: string, b: string): number;
}

declare module "@std/toml" {
  /** @throws {SyntaxError} */
  export function parse(text: string): Record<string, unknown>;
}
