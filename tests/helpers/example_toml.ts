/** pushpin.toml.example as the table of settings has it. */
import { allKeys, SECTIONS, variableName } from "../../src/config_keys.ts";

export const EXAMPLE_FILE = new URL("../../pushpin.toml.example", import.meta.url);

const HEAD =
  `# Settings of pushpin. Every key is optional and stands here with its default; take the "#" away to change it.
#
# Searched for as pushpin.toml, config/pushpin.toml, /etc/pushpin/pushpin.toml, or named with --config.
# Flags win over variables, and variables over this file: each key has a variable, PUSHPIN_<SECTION>_<KEY>
# (${
    variableName("runner", "http_port")
  }), or PUSHPIN_<KEY> for [global]. An empty variable counts as not set.
# "pushpin check" shows the settings in force and where each came from.
#
# (restart): a change takes a restart; all others are taken over on SIGHUP.
# (ours): not in the original Pushpin.
# (not yet): read, but nothing follows it in this version.
# {rundir} and {ipc_prefix} are filled in in paths and addresses.
`;

/** What the file must be; a unit test compares, and writes it with PUSHPIN_TEST_WRITE_EXAMPLE=1. */
export function exampleToml(): string {
  const parts = [HEAD];
  for (const section of SECTIONS) {
    parts.push(`\n[${section}]`);
    const nothing: string[] = [];
    for (const [owner, name, def] of allKeys()) {
      if (owner !== section) continue;
      if ("meaningless" in def) {
        nothing.push(`#   ${name}: ${def.meaningless}`);
        continue;
      }
      const marks = [
        def.reload ? "" : " (restart)",
        def.extension === true ? " (ours)" : "",
        def.pending === undefined ? "" : " (not yet)",
      ].join("");
      parts.push(`\n# ${def.doc}${marks}\n# ${name} = ${def.kind.format(def.default)}`);
    }
    if (nothing.length > 0) {
      parts.push(`\n# Keys of the original that do nothing here:\n${nothing.join("\n")}`);
    }
  }
  return parts.join("\n") + "\n";
}
