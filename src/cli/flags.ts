/**
 * Reads a command line by a table of flags. The library's parser guesses numbers, forgives a missing value and lets
 * an unknown flag pass as true; here each of those is one clear line for whoever typed it.
 */
import { suggestion } from "../config_wording.ts";
import { PushpinError } from "../errors.ts";

export interface FlagDef {
  /** Without the dashes. */
  readonly long: string;
  readonly short?: string;
  /** What the help calls its value; a flag without one takes none. */
  readonly value?: string;
  readonly doc: string;
}

export interface ParsedFlags {
  /** By long name, values in the order given; a flag without value has "". */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

/**
 * `--port 7999`, `--port=7999`, `-p 7999`, `-p7999`, `-vm`; `--` ends the flags; `-` alone is a positional.
 *
 * @throws {PushpinError} `PUSHPIN_USAGE`, naming the flag and the nearest one.
 */
export function parseFlags(argv: readonly string[], defs: readonly FlagDef[]): ParsedFlags {
  const flags = new Map<string, string[]>();
  const positionals: string[] = [];
  const put = (def: FlagDef, value: string): void => {
    const values = flags.get(def.long);
    if (values === undefined) flags.set(def.long, [value]);
    else values.push(value);
  };
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] ?? "";
    if (arg === "--") {
      positionals.push(...argv.slice(i + 1));
      break;
    }
    if (arg === "-" || !arg.startsWith("-")) {
      positionals.push(arg);
      continue;
    }
    /** The value behind the flag: the next argument, unless that is a flag itself. */
    const next = (name: string): string => {
      const value = argv[i + 1];
      if (value === undefined || (value !== "-" && value.startsWith("-"))) {
        throw usage(`${name} needs a value: write ${name}${name.startsWith("--") ? "=" : ""}<value>`);
      }
      i++;
      return value;
    };
    if (arg.startsWith("--")) {
      const equals = arg.indexOf("=");
      const name = equals < 0 ? arg : arg.slice(0, equals);
      const def = defs.find((d) => `--${d.long}` === name);
      if (def === undefined) throw unknownFlag(name, defs);
      if (def.value === undefined) {
        if (equals >= 0) throw usage(`${name} takes no value, is "${arg.slice(equals + 1)}"`);
        put(def, "");
      } else put(def, equals < 0 ? next(name) : arg.slice(equals + 1));
      continue;
    }
    // "-port 80" is not "-p ort": the second dash was forgotten.
    if (defs.some((def) => arg === `-${def.long}` || arg.startsWith(`-${def.long}=`))) {
      throw unknownFlag(arg, defs);
    }
    for (let at = 1; at < arg.length; at++) {
      const def = defs.find((d) => d.short === arg[at]);
      if (def === undefined) throw unknownFlag(at === 1 ? arg : `-${arg[at]}`, defs);
      if (def.value === undefined) {
        put(def, "");
        continue;
      }
      const rest = arg.slice(at + 1).replace(/^=/, "");
      put(def, rest === "" ? next(`-${def.short}`) : rest);
      break;
    }
  }
  return { flags, positionals };
}

export function usage(message: string): PushpinError {
  return new PushpinError("PUSHPIN_USAGE", message);
}

function unknownFlag(name: string, defs: readonly FlagDef[]): PushpinError {
  const names = defs.flatMap((
    def,
  ) => [`--${def.long}`, ...(def.short === undefined ? [] : [`-${def.short}`])]);
  // A single-dash word such as -port was probably meant to have two.
  const long = name.startsWith("--") ? name : `-${name}`;
  const near = suggestion(long, names.filter((n) => n.startsWith("--")));
  const swapped = defs.find((def) => def.short?.toLowerCase() === name.slice(1).toLowerCase());
  const hint = near ||
    (swapped === undefined ? ": --help lists them" : `: did you mean "-${swapped.short}"?`);
  return usage(`Unknown flag "${name}"${hint}`);
}

/** The flags of a help text, aligned. */
export function describeFlags(defs: readonly FlagDef[]): string {
  const rows = defs.map((def) => {
    const short = def.short === undefined ? "    " : `-${def.short}, `;
    return [`  ${short}--${def.long}${def.value === undefined ? "" : ` ${def.value}`}`, def.doc] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, doc]) => `${left.padEnd(width)}${doc.replaceAll("\n", `\n${" ".repeat(width)}`)}`)
    .join("\n");
}
