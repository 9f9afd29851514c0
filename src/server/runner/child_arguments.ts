/** The runner's command line, as its children get it: what means something to their role, and no log file. */
import { parseFlags } from "../../cli/flags.ts";
import { HANDLER_FLAGS, PROXY_FLAGS, RUN_FLAGS } from "../../cli/help.ts";
import type { ChildSlot } from "./child_protocol.ts";

/**
 * The arguments after the role's word. Variables and files need no passing on: the children read the same.
 * @throws {PushpinError} `PUSHPIN_USAGE` for what the runner's own start has refused already.
 */
export function childArguments(argv: readonly string[], role: ChildSlot["role"]): readonly string[] {
  const theirs = role === "proxy" ? PROXY_FLAGS : HANDLER_FLAGS;
  const passed: string[] = [];
  for (const [name, values] of parseFlags(argv, RUN_FLAGS).flags) {
    const def = theirs.find(({ long }) => long === name);
    // A child logs to standard output, whatever the settings say: the runner writes the file.
    if (def === undefined || name === "logfile") continue;
    for (const value of values) passed.push(def.value === undefined ? `--${name}` : `--${name}=${value}`);
  }
  return passed;
}
