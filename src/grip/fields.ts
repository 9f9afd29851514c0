/**
 * Somebody else's record, read field by field into exact types: JSON-parsed values and tnetstring-decoded ones, whose
 * strings are bytes. null is absent, unknown fields are never looked at.
 */
import { looseText, utf8 } from "./text.ts";

/** Makes the error to throw; `value` is what stood there, where showing it helps. */
export type Problem = (text: string, value?: unknown) => Error;

const MAX_INT = 0x7fffffff;

/** True for a record: neither null, list nor bytes. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
}

/** A string, or the text of bytes; undefined for anything else. */
export function asText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? looseText(value) : undefined;
}

/** One record and its name for errors. Every reader throws what `problem` makes: `<owner> contains '<name>' with …`. */
export class Fields {
  readonly owner: string;
  readonly #record: Readonly<Record<string, unknown>>;
  readonly #problem: Problem;

  constructor(record: Readonly<Record<string, unknown>>, owner: string, problem: Problem) {
    this.owner = owner;
    this.#record = record;
    this.#problem = problem;
  }

  /** The value as it is; undefined for null. Own fields only, so that nothing comes from a prototype. */
  raw(name: string): unknown {
    return Object.hasOwn(this.#record, name) ? this.#record[name] ?? undefined : undefined;
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  names(): string[] {
    return Object.keys(this.#record);
  }

  text(name: string): string | undefined {
    const value = this.raw(name);
    const text = asText(value);
    if (value !== undefined && text === undefined) throw this.wrongType(name);
    return text;
  }

  /** @throws where the field is absent */
  needText(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw this.missing(`'${name}'`);
    return text;
  }

  /** The bytes of a string: UTF-8 of a text, or the bytes themselves. */
  bytes(name: string): Uint8Array | undefined {
    const value = this.raw(name);
    if (value === undefined || value instanceof Uint8Array) return value;
    if (typeof value === "string") return utf8(value);
    throw this.wrongType(name);
  }

  /** A whole number from 0 to `max`; a string of digits counts as one, any other string does not (spec 2.3). */
  int(name: string, max = MAX_INT): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const text = asText(value)?.trim();
    if (text === undefined && typeof value !== "number") throw this.wrongType(name);
    const number = text === undefined ? value as number : /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (!Number.isInteger(number) || number < 0 || number > max) throw this.badValue(name);
    return number + 0; // -0 is 0
  }

  flag(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.wrongType(name);
  }

  list(name: string): readonly unknown[] | undefined {
    const value = this.raw(name);
    if (value === undefined || Array.isArray(value)) return value;
    throw this.wrongType(name);
  }

  texts(name: string): string[] | undefined {
    return this.list(name)?.map((item) => {
      const text = asText(item);
      if (text === undefined) throw this.wrongType(name);
      return text;
    });
  }

  /** A record in this record, called `'<name>'` in its errors, or as given. */
  record(name: string, owner = `'${name}'`): Fields | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (!isRecord(value)) throw this.wrongType(name);
    return new Fields(value, owner, this.#problem);
  }

  /** A record of texts, such as meta. null values are left out. */
  textMap(name: string): Map<string, string> {
    const inner = this.record(name);
    const map = new Map<string, string>();
    for (const key of inner?.names() ?? []) {
      const text = inner!.text(key);
      if (text !== undefined) map.set(key, text);
    }
    return map;
  }

  /** `what` with its quotes, as there may be several: `'content' or 'content-bin'`. */
  missing(what: string): Error {
    return this.#problem(`${this.owner} does not contain ${what}`);
  }

  wrongType(name: string): Error {
    return this.#problem(`${this.owner} contains '${name}' with wrong type`, this.raw(name));
  }

  badValue(name: string): Error {
    return this.#problem(`${this.owner} contains '${name}' with invalid value`, this.raw(name));
  }
}
