/**
 * Settings from every source: flags win over PUSHPIN_* variables, those over the file, that over the defaults. Each
 * value keeps where it came from, and every problem is collected: nobody mends a file one error at a time.
 */
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { contradictions } from "./config_contradictions.ts";
import { type Entry, type FileContent, readIni, readToml } from "./config_file.ts";
import {
  allKeys,
  findKey,
  isSection,
  KEYS,
  type MeaninglessDef,
  OLD_NAMES,
  type SectionName,
  SECTIONS,
  type Settings,
  variableName,
} from "./config_keys.ts";
import { type ResolveContext, ValueProblem } from "./config_values.ts";
import { type Problem, suggestion } from "./config_wording.ts";
import { describeError } from "./errors.ts";

export type { Settings } from "./config_keys.ts";
export type { ListenSpec, LocalPort, PortSpec } from "./config_places.ts";
export type { ForwardedRule, LogLevels, Service } from "./config_values.ts";
export { formatProblem, type Problem } from "./config_wording.ts";

/** Settings that are complete: paths absolute, {rundir} filled in, port_offset already added. */
export interface EffectiveSettings {
  readonly settings: Settings;
  /** By `section.key`: `flag --port`, `env PUSHPIN_RUNDIR`, `pushpin.toml:12`; what is not here is a default. */
  readonly sources: ReadonlyMap<string, string>;
  /** Absolute; undefined where there is none. */
  readonly configFile?: string;
  /** The folder of the file, or the working directory. */
  readonly configDir: string;
}

export interface SettingsSources {
  /** --config; a name that does not end in .toml is read as the original's INI. */
  readonly configPath?: string;
  /** What flags say, in the order of the command line; `where` is the flag. */
  readonly flags: readonly Entry[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** @throws {Deno.errors.NotFound} and what else reading can throw. */
  readonly readFile?: (path: string) => string;
}

export interface LoadedSettings {
  /** Where a value is wrong, the one of the next weaker source stands in for it. */
  readonly effective: EffectiveSettings;
  readonly problems: readonly Problem[];
  /** True where a problem is an error: do not start. */
  readonly failed: boolean;
}

/** Tried in this order when --config names none; none of them is no error. */
export const SEARCH_PATHS = ["pushpin.toml", "config/pushpin.toml", "/etc/pushpin/pushpin.toml"] as const;

// For the build, the tests and the runner's children: not settings.
const NOT_SETTINGS = /^PUSHPIN_(COMPILE|CHILD|TEST|BENCH|CONFORMANCE|DENO)_/;

/** Reads every source. Throws nothing: what is wrong is in `problems`. */
export function loadSettings(sources: SettingsSources): LoadedSettings {
  const read = sources.readFile ?? ((path) => Deno.readTextFileSync(path));
  const problems: Problem[] = [];
  const found = findConfig(sources, read, problems);
  const configFile = found === undefined ? undefined : resolve(sources.cwd, found.path);
  const configDir = configFile === undefined ? sources.cwd : dirname(configFile);
  const fileEntries = found === undefined ? [] : readConfig(found, configDir, read, problems);

  const values = defaults();
  const labels = new Map<string, string>();
  for (const entry of [...fileEntries, ...fromEnvironment(sources.env, problems), ...sources.flags]) {
    take(entry, values, labels, problems);
  }
  const settings = complete(values, configDir, sources.cwd);
  problems.push(...contradictions(settings, labels));
  return {
    effective: { settings, sources: labels, configDir, ...(configFile === undefined ? {} : { configFile }) },
    problems,
    failed: problems.some((problem) => problem.severity === "error"),
  };
}

/** What differs between two readings, as `section.key`: what SIGHUP can apply, and what needs a restart. */
export function compareSettings(before: Settings, after: Settings): {
  readonly live: readonly string[];
  readonly restart: readonly string[];
} {
  const live: string[] = [], restart: string[] = [];
  for (const [section, name, def] of allKeys()) {
    if ("meaningless" in def) continue;
    const old: Readonly<Record<string, unknown>> = before[section];
    const now: Readonly<Record<string, unknown>> = after[section];
    if (JSON.stringify(old[name]) === JSON.stringify(now[name])) continue;
    (def.reload ? live : restart).push(`${section}.${name}`);
  }
  return { live, restart };
}

type Values = Readonly<Record<SectionName, Record<string, unknown>>>;

function defaults(): Values {
  const values: Values = { global: {}, runner: {}, proxy: {}, handler: {} };
  for (const [section, name, def] of allKeys()) {
    if (!("meaningless" in def)) values[section][name] = def.default;
  }
  return values;
}

interface FoundFile {
  /** As given or searched: what messages show. */
  readonly path: string;
  readonly text: string;
}

function findConfig(
  sources: SettingsSources,
  read: (path: string) => string,
  problems: Problem[],
): FoundFile | undefined {
  const given = sources.configPath;
  for (const path of given === undefined ? SEARCH_PATHS : [given]) {
    try {
      return { path, text: read(resolve(sources.cwd, path)) };
    } catch (e) {
      if (given === undefined && e instanceof Deno.errors.NotFound) continue;
      const what = e instanceof Deno.errors.NotFound
        ? "there is no such file: name another one with --config"
        : `it cannot be read: ${describeError(e)}`;
      problems.push({ severity: "error", where: path, what });
      return undefined;
    }
  }
  return undefined;
}

function readConfig(
  file: FoundFile,
  configDir: string,
  read: (path: string) => string,
  problems: Problem[],
): readonly Entry[] {
  if (file.path.endsWith(".toml")) return keep(readToml(file.text, file.path), problems);
  const main = keep(readIni(file.text, file.path), problems);
  const include = main.find((entry) => entry.section === "global" && entry.key === "include");
  const rest = main.filter((entry) => entry !== include && entry.key !== "libdir");
  if (include === undefined || include.raw.from !== "text" || include.raw.text === "") return rest;

  const libdir = main.find((entry) => entry.section === "global" && entry.key === "libdir");
  const named = include.raw.text.replaceAll(
    "{libdir}",
    libdir?.raw.from === "text" ? libdir.raw.text : "{libdir}",
  );
  const path = isAbsolute(named) ? named : join(configDir, named);
  try {
    const entries = keep(readIni(read(path), path), problems);
    // The original's internal.conf is all about sockets between its own processes.
    return [...entries.filter((entry) => !isInternal(entry)), ...rest];
  } catch (e) {
    // {libdir} is where the original is installed: nothing of it is needed, so its absence is none either.
    const harmless = include.raw.text.includes("{libdir}") || basename(path) === "internal.conf";
    if (!harmless || !(e instanceof Deno.errors.NotFound)) {
      const why = e instanceof Deno.errors.NotFound ? "there is no such file" : describeError(e);
      problems.push({
        severity: "error",
        where: include.where,
        what: `cannot include "${named}": ${why}: take the line out or mend the path`,
      });
    }
    return rest;
  }
}

function keep(content: FileContent, problems: Problem[]): readonly Entry[] {
  problems.push(...content.problems);
  return content.entries;
}

function isInternal(entry: Entry): boolean {
  const def = findKey(entry.section, entry.key);
  return def !== undefined && "meaningless" in def && def.internal === true;
}

function fromEnvironment(env: Readonly<Record<string, string>>, problems: Problem[]): readonly Entry[] {
  const names = new Map(
    allKeys().map(([section, name]) => [variableName(section, name), [section, name] as const]),
  );
  const entries: Entry[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith("PUSHPIN_") || NOT_SETTINGS.test(variable) || text === "") continue;
    const known = names.get(variable);
    if (known === undefined) {
      const what = `unknown variable, nothing follows it${suggestion(variable, [...names.keys()])}`;
      problems.push({ severity: "warning", where: variable, what });
      continue;
    }
    entries.push({ section: known[0], key: known[1], raw: { from: "text", text }, where: variable });
  }
  return entries;
}

/** Puts one entry's value in, or says why not. */
function take(entry: Entry, values: Values, labels: Map<string, string>, problems: Problem[]): void {
  const { where, raw } = entry;
  const say = (severity: Problem["severity"], what: string) => void problems.push({ severity, where, what });
  const old = OLD_NAMES[`${entry.section}.${entry.key}`];
  const [section = "", key = ""] = old === undefined ? [entry.section, entry.key] : old.key.split(".");
  const inFile = !where.startsWith("--") && !where.startsWith("PUSHPIN_");
  const shown = inFile ? `[${section}] ${key} ` : "";
  if (old?.warn === true) {
    say("warning", `[${entry.section}] ${entry.key} is an old place: write it in [${section}]`);
  }

  const def = findKey(section, key);
  if (def === undefined || !isSection(section)) return say("error", unknown(section, key));
  if ("meaningless" in def) return say("warning", meaningless(section, key, def));
  if (raw.from === "text" && raw.text === "" && !def.kind.emptyText) return;
  try {
    const value = raw.from === "text" ? def.kind.text(raw.text) : def.kind.toml(raw.value);
    values[section][key] = value;
    labels.set(
      `${section}.${key}`,
      inFile ? where : where.startsWith("--") ? `flag ${where}` : `env ${where}`,
    );
    if (def.pending !== undefined && def.kind.format(value) !== def.kind.format(def.default)) {
      say("warning", `${shown}has no effect yet: ${def.pending} are not in this version`);
    }
  } catch (e) {
    if (!(e instanceof ValueProblem)) throw e;
    say("error", shown + e.message);
  }
}

function unknown(section: string, key: string): string {
  const homes = SECTIONS.filter((name) => Object.hasOwn(KEYS[name], key));
  const belongs = homes.length === 0 ? "" : `: it belongs in [${homes[0]}]`;
  if (section === "") return `"${key}" stands outside a section${belongs || ": write it below [section]"}`;
  if (!isSection(section)) return `unknown section [${section}]${suggestion(section, SECTIONS) || belongs}`;
  return `unknown key "${key}" in [${section}]${belongs || suggestion(key, Object.keys(KEYS[section]))}`;
}

function meaningless(section: string, key: string, def: MeaninglessDef): string {
  return `[${section}] ${key} has no meaning here: ${def.meaningless}`;
}

/** Fills in variables and makes paths absolute, now that rundir and the offset are known. */
function complete(values: Values, configDir: string, cwd: string): Settings {
  const rundir = KEYS.global.rundir.kind;
  const base: ResolveContext = {
    configDir,
    cwd,
    variables: {},
    portOffset: Number(values.global.port_offset),
  };
  const run = String(values.global.rundir);
  const context: ResolveContext = {
    ...base,
    variables: {
      rundir: rundir.resolve === undefined ? run : rundir.resolve(run, base),
      ipc_prefix: String(values.global.ipc_prefix),
    },
  };
  for (const [section, name, def] of allKeys()) {
    if ("meaningless" in def || def.kind.resolve === undefined) continue;
    values[section][name] = def.kind.resolve(values[section][name], context);
  }
  // Every key of the table is there with a value of its kind: `defaults` put it in and only `take` changed it.
  return values as unknown as Settings;
}
