/**
 * Reads a command line by a table of flags. The library does the parsing; what it forgives (a missing value, an unknown
 * flag, a value where none belongs) is one clear line here for whoever typed it.
 */
import { parseArgs } from "@std/cli/parse-args";
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
  const end = argv.indexOf("--");
  const args = (end < 0 ? argv : argv.slice(0, end)).map((arg) => spelledOut(arg, defs));
  const switches = defs.filter((def) => def.value === undefined);
  const isSwitch = (arg: string) =>
    switches.some((def) => arg === `--${def.long}` || arg === `-${def.short}`);
  // Switches go last: the library would take a "true" or "false" behind one for its value.
  const ordered = [...args.filter((arg) => !isSwitch(arg)), ...args.filter(isSwitch)];
  const parsed: Readonly<Record<string, unknown>> & { readonly _: readonly unknown[] } = parseArgs(
    [...ordered, "--", ...(end < 0 ? [] : argv.slice(end + 1))],
    {
      string: [...defs.filter((def) => def.value !== undefined).map((def) => def.long), "_"],
      boolean: switches.map((def) => def.long),
      collect: defs.map((def) => def.long),
      alias: Object.fromEntries(
        defs.flatMap((def) => def.short === undefined ? [] : [[def.long, def.short]]),
      ),
      unknown: (arg: string, key?: string) => {
        if (key === undefined) return true;
        throw unknownFlag(
          arg.startsWith("--") ? arg.replace(/=.*/s, "") : arg.length > 2 ? `-${key}` : arg,
          defs,
        );
      },
    },
  );
  const flags = new Map<string, readonly string[]>();
  for (const def of defs) {
    const values = parsed[def.long];
    if (!Array.isArray(values) || values.length === 0) continue;
    // What stands behind a flag without "=" is its value unless it begins with a dash; then the library says "".
    if (def.value !== undefined && values.includes("")) missing(def, args);
    flags.set(def.long, values.map((value) => def.value === undefined ? "" : String(value)));
  }
  return { flags, positionals: parsed._.map(String) };
}

/** Refuses a flag that stands without its value; an empty one behind "=" was meant so. */
function missing(def: FlagDef, args: readonly string[]): void {
  const name = [`--${def.long}`, `-${def.short}`].find((each) =>
    args.some((arg, i) => arg === each && (args[i + 1] === undefined || /^-./.test(args[i + 1]!)))
  );
  if (name !== undefined) {
    throw usage(`${name} needs a value: write ${name}${name.startsWith("--") ? "=" : ""}<value>`);
  }
}

/** One argument as the library understands it, or what is wrong with it. */
function spelledOut(arg: string, defs: readonly FlagDef[]): string {
  if (arg === "-" || !arg.startsWith("-")) return arg;
  if (arg.startsWith("--")) {
    const def = defs.find((each) => arg.startsWith(`--${each.long}=`));
    if (def === undefined || def.value !== undefined) return arg;
    throw usage(`--${def.long} takes no value, is "${arg.slice(def.long.length + 3)}"`);
  }
  // "-port 80" is not "-p ort": the second dash was forgotten.
  if (defs.some((def) => arg === `-${def.long}` || arg.startsWith(`-${def.long}=`))) {
    throw unknownFlag(arg, defs);
  }
  const def = defs.find((each) => each.short === arg[1]);
  if (def === undefined) throw unknownFlag(arg, defs);
  return def.value === undefined || arg.length === 2
    ? arg
    : `--${def.long}=${arg.slice(2).replace(/^=/, "")}`;
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
