/** `pushpin check`: every problem of settings and routes, then the settings in force with where each came from. */
import { isAbsolute, join, relative } from "node:path";
import { type EffectiveSettings, formatProblem, loadSettings, type Problem } from "../config.ts";
import { allKeys, SECTIONS } from "../config_keys.ts";
import { describeError } from "../errors.ts";
import { describeProblem, parseRoutes } from "../routes/parse.ts";
import type { SettingsFlags } from "../cli.ts";

export interface CheckIo {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** @throws {Deno.errors.NotFound} and what else reading can throw. */
  readonly readFile: (path: string) => string;
}

export interface CheckResult {
  /** Ends with a line end. */
  readonly text: string;
  /** 1 where the program would not start. */
  readonly exitCode: 0 | 1;
}

export function check(flags: SettingsFlags, io: CheckIo): CheckResult {
  const { effective, problems, failed } = loadSettings({ ...flags, ...io });
  const lines = [
    ...[...flags.warnings, ...problems].map(formatProblem),
    ...checkRoutes(effective, io),
  ];
  if (lines.length > 0) lines.push("");
  lines.push(...describeSettings(effective));
  lines.push(
    "",
    failed ? "pushpin would not start with these settings" : "pushpin would start with these settings",
  );
  return { text: lines.join("\n") + "\n", exitCode: failed ? 1 : 0 };
}

/** What the routes say, one line a problem. A bad line costs that line and keeps nothing from starting (spec 7.5). */
function checkRoutes({ settings, sources }: EffectiveSettings, io: CheckIo): readonly string[] {
  const { routes, routesfile } = settings.proxy;
  const file = routes.length > 0 ? "--route" : shown(routesfile, io.cwd);
  const warn = (what: string): readonly string[] => {
    const problem: Problem = { severity: "warning", where: file, what };
    return [formatProblem(problem)];
  };
  let text: string;
  try {
    text = routes.length > 0 ? routes.join("\n") : io.readFile(routesfile);
  } catch (e) {
    if (!(e instanceof Deno.errors.NotFound)) return warn(`it cannot be read: ${describeError(e)}`);
    const meanwhile = sources.has("proxy.routesfile")
      ? "every request gets a 502"
      : "every request goes to localhost:80";
    return warn(`there is no such file, ${meanwhile}: write "* localhost:8000" into it, or use --route`);
  }
  // Paths of certificates count from the working directory (spec 7.4).
  const absolute = (path: string): string => isAbsolute(path) ? path : join(io.cwd, path);
  const parsed = parseRoutes(text, { file, readFile: (path) => io.readFile(absolute(path)) });
  const lines = parsed.problems.map((problem) => describeProblem(file, problem));
  return parsed.routes.length > 0
    ? lines
    : [...lines, ...warn("no line can be used: every request gets a 502")];
}

/** Under the working directory as it was probably typed, elsewhere whole. */
function shown(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near.startsWith("..") || near === "" ? path : near;
}

/** The settings as TOML, each with its source behind it; secrets hidden. */
export function describeSettings({ settings, sources, configFile }: EffectiveSettings): readonly string[] {
  const lines = [
    configFile === undefined ? "# no configuration file" : `# configuration file: ${configFile}`,
  ];
  const rows: (readonly [string, string] | string)[] = [];
  for (const section of SECTIONS) {
    rows.push(`[${section}]`);
    const values: Readonly<Record<string, unknown>> = settings[section];
    for (const [owner, name, def] of allKeys()) {
      if (owner !== section || "meaningless" in def) continue;
      const value = values[name];
      const hidden = def.secret === true && value !== "";
      rows.push([
        `${name} = ${hidden ? `"(hidden)"` : def.kind.format(value)}`,
        sources.get(`${section}.${name}`) ?? "default",
      ]);
    }
  }
  const width = Math.min(60, Math.max(...rows.map((row) => typeof row === "string" ? 0 : row[0].length)));
  for (const row of rows) {
    if (typeof row === "string") lines.push("", row);
    else lines.push(`${row[0].padEnd(width)}  # ${row[1]}`);
  }
  return lines;
}
