/**
 * The settings table of README.md, made from the one table of settings. `deno run -A scripts/readme.ts` writes it;
 * a test finds a README that has fallen behind.
 */
import { allKeys, SECTIONS, variableName } from "../src/config_keys.ts";

const BEGIN = "<!-- settings: deno run -A scripts/readme.ts -->";
const END = "<!-- /settings -->";

/** The README with the table as the settings are now. @throws where its markers are missing. */
export function withSettings(readme: string): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`README.md has no "${BEGIN}" and "${END}"`);
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${settingsTables()}\n${readme.slice(end)}`;
}

function settingsTables(): string {
  return SECTIONS.map((section) => {
    const rows = allKeys().flatMap(([of, name, def]) => {
      if (of !== section || "meaningless" in def) return [];
      const notes = [
        def.extension && "not in the original",
        !def.reload && "takes a restart",
        def.pending !== undefined && `not built: ${def.pending}`,
      ].filter((note) => typeof note === "string");
      const value = def.kind.format(def.default).replaceAll("|", "\\|");
      const doc = def.doc.replaceAll("|", "\\|").replaceAll("<", "&lt;");
      return [`| \`${name}\` | \`${value}\` | ${doc}${notes.length > 0 ? ` _(${notes.join("; ")})_` : ""} |`];
    });
    return `**\`[${section}]\`** (\`${variableName(section, "")}…\`)\n\n` +
      `| key | default | |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
  }).join("\n");
}

if (import.meta.main) {
  const file = new URL("../README.md", import.meta.url);
  Deno.writeTextFileSync(file, withSettings(Deno.readTextFileSync(file)));
}
