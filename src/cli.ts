/** From the command line to what is to be done. Pure: nothing is read, started or printed here. */
import { parsePublish, type PublishRequest } from "./cli/publish_args.ts";
import { type FlagDef, type ParsedFlags, parseFlags, usage } from "./cli/flags.ts";
import {
  CHECK_FLAGS,
  type CommandName,
  COMMANDS,
  HANDLER_FLAGS,
  helpText,
  PROXY_FLAGS,
  PUBLISH_FLAGS,
  RUN_FLAGS,
} from "./cli/help.ts";
import type { Entry } from "./config_file.ts";
import { parsePort } from "./config_places.ts";
import { levels, ValueProblem } from "./config_values.ts";
import { type Problem, suggestion } from "./config_wording.ts";

/** Settings that the command line gives; goes into `loadSettings`. */
export interface SettingsFlags {
  readonly configPath?: string;
  readonly flags: readonly Entry[];
  /** Flags that do nothing. */
  readonly warnings: readonly Problem[];
}

export type Role = "runner" | "proxy" | "handler";

export type Command =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | { readonly kind: "run"; readonly role: Role; readonly settings: SettingsFlags }
  | { readonly kind: "check"; readonly settings: SettingsFlags }
  | { readonly kind: "publish"; readonly request: PublishRequest };

/**
 * What the arguments ask for (spec 8.3, 8.4). `env` is looked at for GRIP_URL alone.
 *
 * @throws {PushpinError} `PUSHPIN_USAGE`: one line, with what would do.
 */
export function parseCommand(argv: readonly string[], env: Readonly<Record<string, string>>): Command {
  // `deno task start -- --port 8000`: the task passes the dashes on, habit of npm run puts them there.
  if (argv[0] === "--") return parseCommand(argv.slice(1), env);
  const [first, ...rest] = argv;
  const name = COMMANDS.find((command) => command === first);
  switch (name) {
    case "publish": {
      const parsed = parseFlags(rest, PUBLISH_FLAGS);
      if (parsed.flags.has("help")) return { kind: "help", text: helpText("publish") };
      return { kind: "publish", request: parsePublish(parsed, env) };
    }
    case "check":
      return withSettings(rest, CHECK_FLAGS, name, (settings) => ({ kind: "check", settings }));
    case "proxy":
      return withSettings(rest, PROXY_FLAGS, name, (settings) => ({ kind: "run", role: name, settings }));
    case "handler":
      return withSettings(rest, HANDLER_FLAGS, name, (settings) => ({ kind: "run", role: name, settings }));
    case "help":
      return { kind: "help", text: helpText(helpTopic(rest)) };
    case undefined:
      return withSettings(
        argv,
        RUN_FLAGS,
        undefined,
        (settings) => ({ kind: "run", role: "runner", settings }),
      );
  }
}

function helpTopic(args: readonly string[]): CommandName | undefined {
  const [word] = args;
  if (word === undefined || word.startsWith("-")) return undefined;
  const topic = COMMANDS.find((command) => command === word);
  if (topic === undefined) throw unknownCommand(word);
  return topic;
}

function unknownCommand(word: string): Error {
  return usage(`Unknown command "${word}"${suggestion(word, COMMANDS) || ": --help lists them"}`);
}

function withSettings(
  argv: readonly string[],
  defs: readonly FlagDef[],
  name: CommandName | undefined,
  command: (settings: SettingsFlags) => Command,
): Command {
  const parsed = parseFlags(argv, defs);
  if (parsed.flags.has("help")) return { kind: "help", text: helpText(name) };
  if (parsed.flags.has("version")) return { kind: "version" };
  const [extra] = parsed.positionals;
  if (extra !== undefined) {
    if (name !== undefined) {
      throw usage(`pushpin ${name} takes no argument, is "${extra}": flags begin with --`);
    }
    if (COMMANDS.some((word) => word === extra)) {
      throw usage(`The command stands first: write pushpin ${extra} and the flags behind it`);
    }
    throw unknownCommand(extra);
  }
  return command(settingsFlags(parsed));
}

function settingsFlags({ flags }: ParsedFlags): SettingsFlags {
  const entries: Entry[] = [];
  const last = (name: string): string | undefined => flags.get(name)?.at(-1);
  const set = (key: string, text: string | undefined, flag: string): void => {
    const [section = "", name = ""] = key.split(".");
    if (text !== undefined) {
      entries.push({ section, key: name, raw: { from: "text", text }, where: `--${flag}` });
    }
  };
  const port = last("port");
  if (port !== undefined) {
    checked("--port", () => parsePort(port));
    set("runner.http_port", port, "port");
    // It replaces all configured ports, not only those of its kind (spec 8.3).
    set("runner.https_ports", "", "port");
    set("runner.local_ports", "", "port");
  }
  const routes = flags.get("route");
  if (routes !== undefined) {
    for (const line of routes) {
      if (line.trim() === "") throw usage(`--route needs a line, as "* localhost:8000"`);
    }
    set("proxy.routes", routes.join("\n"), "route");
  }
  if (last("verbose") !== undefined) set("runner.log_level", "3", "verbose");
  const level = last("loglevel");
  if (level !== undefined) checked("--loglevel", () => levels.text(level === "" ? "?" : level));
  set("runner.log_level", level, "loglevel");
  set("runner.log_file", last("logfile"), "logfile");
  set("runner.single_process", last("single-process") === undefined ? undefined : "true", "single-process");
  const id = last("id");
  if (id !== undefined) {
    if (!/^\d{1,4}$/.test(id)) throw usage(`--id must be a whole number from 0 to 9999, is "${id}"`);
    if (Number(id) * 10 > 60000) {
      throw usage(`--id must be at most 6000, is "${id}": it moves ports by ten times itself`);
    }
    set("global.port_offset", String(Number(id) * 10), "id");
    set("global.ipc_prefix", `p${Number(id)}-`, "id");
  }
  set("global.ipc_prefix", last("ipc-prefix"), "ipc-prefix");
  const offset = last("port-offset");
  if (offset !== undefined && !(/^\d{1,5}$/.test(offset) && Number(offset) <= 60000)) {
    throw usage(`--port-offset must be a whole number from 0 to 60000, is "${offset}"`);
  }
  set("global.port_offset", offset, "port-offset");
  const config = last("config");
  if (config === "") throw usage("--config needs a file");
  const merge: Problem = {
    severity: "warning",
    where: "--merge-output",
    what: "there is nothing to merge: all processes log to one place",
  };
  return {
    ...(config === undefined ? {} : { configPath: config }),
    flags: entries,
    warnings: flags.has("merge-output") ? [merge] : [],
  };
}

function checked(flag: string, read: () => void): void {
  try {
    read();
  } catch (e) {
    if (e instanceof ValueProblem) throw usage(`${flag} ${e.message}`);
    throw e;
  }
}
