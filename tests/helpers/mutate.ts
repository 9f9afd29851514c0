/** Broken variants of good inputs, for parsers that read what strangers send. */
import type { Random } from "./random.ts";

/** The text with a few pieces cut, doubled, swapped with others' or replaced by `alphabet`'s characters. */
export function mutateText(random: Random, text: string, alphabet: string): string {
  let out = text;
  for (let edits = random.int(1, 5); edits > 0; edits--) {
    const at = random.int(out.length + 1);
    const end = Math.min(out.length, at + random.int(8));
    const piece = random.pick([
      "",
      random.text(random.int(1, 4), alphabet),
      out.slice(at, end).repeat(2),
      text.slice(random.int(text.length + 1)).slice(0, 10),
    ]);
    out = out.slice(0, at) + piece + out.slice(end);
  }
  return out;
}

/** Values a field may hold against all expectation. */
const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  "",
  "0",
  "99999999999999999999",
  "x\u0000y",
  "\ud800",
  [],
  [[]],
  [null],
  {},
  { "": "" },
  { __proto__: null, toString: 1 },
];

/** The value, as JSON has it, with a few members replaced by odd values, taken out or added. */
export function mutateValue(random: Random, value: unknown, odd: readonly unknown[] = ODD): unknown {
  if (random.chance(0.08)) return random.pick(odd);
  if (Array.isArray(value)) {
    const items = value.filter(() => !random.chance(0.05)).map((item) => mutateValue(random, item, odd));
    return random.chance(0.05) ? [...items, random.pick(odd)] : items;
  }
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const entries = Object.entries(value)
    .filter(() => !random.chance(0.05))
    .map(([key, item]) => [random.chance(0.03) ? "__proto__" : key, mutateValue(random, item, odd)] as const);
  return Object.fromEntries(entries);
}
