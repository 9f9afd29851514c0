/**
 * The kinds of value a setting can have: how each is read from text (INI, environment, flags) and from TOML, how it is
 * written back, and how it is made absolute. A kind says nothing about which setting it belongs to.
 */
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import { suggestion } from "./config_wording.ts";

/** Levels by service; what is not named has the base level. */
export interface LogLevels {
  readonly base: LogLevel;
  readonly services: Readonly<Record<string, LogLevel>>;
}

export type Service = "proxy" | "handler";

/** One entry of x_forwarded_for (spec 1.6). */
export type ForwardedRule = { readonly kind: "truncate"; readonly keep: number } | {
  readonly kind: "append";
};

/** What a value is completed with once every source has been read. */
export interface ResolveContext {
  /** Base of relative paths; the folder of the configuration file, or the working directory without one. */
  readonly configDir: string;
  readonly cwd: string;
  /** {rundir}, {ipc_prefix}, {libdir}. */
  readonly variables: Readonly<Record<string, string>>;
  readonly portOffset: number;
}

/** Says what a value must be; the caller adds which setting and where. */
export class ValueProblem extends Error {}

export interface Kind<T> {
  /** The expected form, in words that follow "must be". */
  readonly expected: string;
  /** @throws {ValueProblem} */
  text(raw: string): T;
  /** From what TOML gives: string, number, boolean or an array of those. @throws {ValueProblem} */
  toml(raw: unknown): T;
  /** As TOML; reading it back gives the value. */
  format(value: T): string;
  /** True where an empty text is a value; elsewhere an empty text means "not set". */
  readonly emptyText: boolean;
  resolve?(value: T, context: ResolveContext): T;
}

export function wrong(expected: string, raw: unknown): ValueProblem {
  const shown = typeof raw === "string" ? `"${raw}"` : JSON.stringify(raw) ?? String(raw);
  return new ValueProblem(`must be ${expected}, is ${shown}`);
}

export const quoted = (text: string): string => JSON.stringify(text);

export function int(min: number, max: number): Kind<number> {
  const expected = `a whole number from ${min} to ${max}`;
  const check = (n: number, raw: unknown): number => {
    if (!Number.isInteger(n) || n < min || n > max) throw wrong(expected, raw);
    return n;
  };
  return {
    expected,
    emptyText: false,
    text: (raw) => check(/^-?\d+$/.test(raw) ? Number(raw) : NaN, raw),
    toml: (raw) => check(typeof raw === "number" ? raw : NaN, raw),
    format: String,
  };
}

/** A number that may be switched off: `""` or `"off"`. */
export function optionalInt(min: number, max: number): Kind<number | undefined> {
  const number = int(min, max);
  const expected = `${number.expected}, or "off"`;
  const text = (raw: string): number | undefined => {
    if (raw === "" || raw === "off") return undefined;
    if (!/^-?\d+$/.test(raw)) throw wrong(expected, raw);
    return number.text(raw);
  };
  return {
    expected,
    emptyText: true,
    text,
    toml: (raw) => typeof raw === "string" ? text(raw) : number.toml(raw),
    format: (value) => value === undefined ? `"off"` : String(value),
  };
}

export const bool: Kind<boolean> = {
  expected: "true or false",
  emptyText: false,
  text: (raw) => {
    const word = raw.toLowerCase();
    if (["true", "1", "yes", "on"].includes(word)) return true;
    if (["false", "0", "no", "off"].includes(word)) return false;
    throw wrong("true or false", raw);
  },
  toml: (raw) => {
    if (typeof raw !== "boolean") throw wrong("true or false", raw);
    return raw;
  },
  format: String,
};

export const textOf = (raw: unknown): string => {
  if (typeof raw !== "string") throw wrong("a string", raw);
  return raw;
};

export const string: Kind<string> = {
  expected: "a string",
  emptyText: true,
  text: (raw) => raw,
  toml: textOf,
  format: quoted,
};

/** One of some words; `also` gives other spellings, the empty one included. */
export function choice<const W extends string>(
  words: readonly W[],
  also: Readonly<Record<string, W>> = {},
): Kind<W> {
  const expected = words.map(quoted).join(" or ");
  const text = (raw: string): W => {
    const found = words.find((word) => word === raw) ?? also[raw.toLowerCase()];
    if (found === undefined) {
      throw new ValueProblem(`must be ${expected}, is "${raw}"${suggestion(raw, words)}`);
    }
    return found;
  };
  return {
    expected,
    emptyText: Object.hasOwn(also, ""),
    text,
    toml: (raw) => typeof raw === "boolean" ? text(String(raw)) : text(textOf(raw)),
    format: quoted,
  };
}

/** A TOML array or a comma list of something smaller. */
export function listOf<T>(
  expected: string,
  one: (raw: string) => T,
  write: (value: T) => string,
): Kind<readonly T[]> {
  const text = (raw: string): readonly T[] =>
    raw.split(",").map((part) => part.trim()).filter((part) => part !== "").map(one);
  return {
    expected,
    emptyText: true,
    text,
    toml: (raw) => {
      if (Array.isArray(raw)) {
        return raw.map((part: unknown) => {
          if (typeof part !== "string" && typeof part !== "number") throw wrong(expected, raw);
          return one(String(part).trim());
        });
      }
      if (typeof raw !== "string" && typeof raw !== "number") throw wrong(expected, raw);
      return text(String(raw));
    },
    format: (value) => `[${value.map((part) => quoted(write(part))).join(", ")}]`,
  };
}

export const same = (text: string): string => text;

export const list: Kind<readonly string[]> = listOf("a list of strings", same, same);

/** Lines that may hold commas: a TOML array, or text with one a line. */
export const lines: Kind<readonly string[]> = {
  ...list,
  expected: "a list of lines",
  text: (raw) => raw.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== ""),
  toml: (raw) => {
    if (typeof raw === "string") return lines.text(raw);
    if (!Array.isArray(raw) || !raw.every((part) => typeof part === "string")) {
      throw wrong("a list of lines", raw);
    }
    return raw;
  },
};

export function octal(raw: string): number {
  if (!/^[0-7]{3,4}$/.test(raw)) throw wrong(`an octal file mode such as "660"`, raw);
  return parseInt(raw, 8);
}

export const fileMode: Kind<number | undefined> = {
  expected: `an octal file mode such as "660"`,
  emptyText: true,
  text: (raw) => raw === "" ? undefined : octal(raw),
  // A plain TOML 660 is read as the digits that were typed: nobody means decimal here.
  toml: (raw) => fileMode.text(typeof raw === "number" ? String(raw) : textOf(raw)),
  format: (value) => value === undefined ? `""` : quoted(value.toString(8)),
};

function level(raw: string): LogLevel {
  const names: Readonly<Record<string, LogLevel>> = { warning: "warn", err: "error" };
  const found = /^\d$/.test(raw)
    ? LOG_LEVELS[Number(raw)]
    : LOG_LEVELS.find((name) => name === raw.toLowerCase()) ?? names[raw.toLowerCase()];
  if (found === undefined) throw wrong(`a level from 0 to 4 or one of ${LOG_LEVELS.join(", ")}`, raw);
  return found;
}

/** `2`, `debug`, `2,proxy:3`. */
export const levels: Kind<LogLevels> = {
  expected: `a level from 0 to 4, or a list such as "2,proxy:3"`,
  emptyText: false,
  text: (raw) => {
    let base: LogLevel = "info";
    const services: Record<string, LogLevel> = Object.create(null);
    for (const part of raw.split(",").map((p) => p.trim()).filter((p) => p !== "")) {
      const colon = part.indexOf(":");
      if (colon < 0) base = level(part);
      else services[part.slice(0, colon).replace(/^pushpin-/, "")] = level(part.slice(colon + 1).trim());
    }
    return { base, services };
  },
  toml: (raw) => {
    if (typeof raw === "string" || typeof raw === "number") return levels.text(String(raw));
    if (Array.isArray(raw)) return levels.text(raw.join(","));
    throw wrong(levels.expected, raw);
  },
  format: (value) => {
    const rest = Object.entries(value.services).map(([name, l]) => `${name}:${LOG_LEVELS.indexOf(l)}`);
    const base = String(LOG_LEVELS.indexOf(value.base));
    return rest.length === 0 ? base : quoted([base, ...rest].join(","));
  },
};

// The edge of the original (connmgr, condure, mongrel2 …) is a part of the proxy here.
const SERVICE_WORDS: Readonly<Record<string, Service>> = {
  proxy: "proxy",
  "pushpin-proxy": "proxy",
  connmgr: "proxy",
  condure: "proxy",
  mongrel2: "proxy",
  m2adapter: "proxy",
  zurl: "proxy",
  handler: "handler",
  "pushpin-handler": "handler",
};

const serviceList = listOf<Service>(
  `a list of "proxy" and "handler"`,
  (raw) => {
    const found = Object.hasOwn(SERVICE_WORDS, raw) ? SERVICE_WORDS[raw] : undefined;
    if (found === undefined) {
      throw new ValueProblem(
        `names an unknown service "${raw}"${suggestion(raw, Object.keys(SERVICE_WORDS))}`,
      );
    }
    return found;
  },
  same,
);
const unique = (services: readonly Service[]): readonly Service[] => {
  if (services.length === 0) throw wrong(serviceList.expected, "");
  return [...new Set(services)];
};
export const services: Kind<readonly Service[]> = {
  ...serviceList,
  emptyText: false,
  text: (raw) => unique(serviceList.text(raw)),
  toml: (raw) => unique(serviceList.toml(raw)),
};

export const forwardedRules: Kind<readonly ForwardedRule[]> = listOf<ForwardedRule>(
  `a list of "truncate:N" and "append"`,
  (raw) => {
    if (raw === "append") return { kind: "append" };
    const keep = /^truncate:(\d{1,4})$/.exec(raw)?.[1];
    if (keep === undefined) throw wrong(`a list of "truncate:N" and "append"`, raw);
    return { kind: "truncate", keep: Number(keep) };
  },
  (rule) => rule.kind === "append" ? "append" : `truncate:${rule.keep}`,
);
