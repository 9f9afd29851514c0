/** The properties of a section by name, and what is to be said about them. */
import { nearMiss } from "./near_miss.ts";
import { bad, type Property, type Section } from "./tokenize.ts";

/** Takes what should be told about a line that is used all the same. */
export type Note = (what: string) => void;

/** Repeated properties: the last counts, but all of those that accumulate (`header`, `sub`) are there. */
export class Properties {
  readonly #properties: readonly Property[];

  constructor(section: Section) {
    this.#properties = section.properties;
  }

  has(name: string): boolean {
    return this.#properties.some((p) => p.name === name);
  }

  /** The value, "" where it has none, undefined where the property is not there. */
  value(name: string): string | undefined {
    const property = this.#properties.findLast((p) => p.name === name);
    return property && (property.value ?? "");
  }

  /** The value, undefined also where it is empty. */
  text(name: string): string | undefined {
    return this.value(name) || undefined;
  }

  /** The values of a property that accumulates, in the order of the line. */
  all(name: string): readonly string[] {
    return this.#properties.filter((p) => p.name === name).map((p) => p.value ?? "");
  }

  /** True where the property is there, as `name` or as `name=anything`: the original looks at no value. */
  flag(name: string, note: Note): boolean {
    const value = this.value(name);
    if (value !== undefined && value !== "" && value !== "true" && value !== "yes" && value !== "1") {
      note(`${name} takes no value, so "${name}=${value}" turns it on: leave it out to turn it off`);
    }
    return value !== undefined;
  }

  /** @throws {PushpinError} unless the value is one of `values`; absent is undefined. */
  oneOf<const V extends string>(name: string, values: readonly [V, V]): V | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const found = values.find((v) => v === value);
    if (found === undefined) throw bad(`${name} must be "${values[0]}" or "${values[1]}", not "${value}"`);
    return found;
  }

  /** @throws {PushpinError} unless the value is a whole number of at most `max`; absent is undefined. */
  number(name: string, max: number): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,9}$/.test(value) || Number(value) > max) {
      throw bad(`${name} must be a number from 0 to ${max}, not "${value}"`);
    }
    return Number(value);
  }

  /** Notes every property that is not `known`; the original ignores them without a word. */
  noteUnknown(side: string, known: ReadonlySet<string>, others: ReadonlySet<string>, note: Note): void {
    for (const name of new Set(this.#properties.map((p) => p.name))) {
      if (known.has(name)) continue;
      if (others.has(name)) {
        note(
          `"${name}" is ignored here: it belongs ${
            side === "target" ? "before the first space" : "to a target"
          }`,
        );
        continue;
      }
      const meant = nearMiss(name, known);
      note(
        `unknown ${side} property "${name}" is ignored${
          meant === undefined ? "" : `: did you mean "${meant}"?`
        }`,
      );
    }
  }
}

/** `name[:port]` or `[v6][:port]`, as a Host header may say it. */
export function isAuthority(text: string): boolean {
  // deno-lint-ignore no-control-regex
  const m = /^(\[[0-9A-Fa-f:.]+\]|[^\s\x00-\x20\x7f/?#@\\:%[\]<>^|`{}"']+)(?::(\d{1,5}))?$/.exec(text);
  return m !== null && (m[2] === undefined || Number(m[2]) <= 65535);
}
