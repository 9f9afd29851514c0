/** Settings of a command line, variables and files that are not on any disk; the working directory is /w. */
import { formatProblem, loadSettings, type SettingsSources } from "../../src/config.ts";
import { parseCommand } from "../../src/cli.ts";

export interface Given {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

export function load({ files = {}, env = {}, args = [] }: Given) {
  const command = parseCommand(args, {});
  if (command.kind !== "run") throw new Error("not a run command");
  const sources: SettingsSources = {
    ...command.settings,
    env,
    cwd: "/w",
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(path);
      return text;
    },
  };
  const loaded = loadSettings(sources);
  return {
    ...loaded,
    settings: loaded.effective.settings,
    source: (key: string) => loaded.effective.sources.get(key) ?? "default",
    said: loaded.problems.map(formatProblem),
  };
}
