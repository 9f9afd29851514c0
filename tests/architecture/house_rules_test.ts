/** Rules of the house that a scan can hold: length, names, forgotten switches, and what only one machine knows. */
import { assertEquals } from "@std/assert";
import { ROOT } from "../helpers/program.ts";
import { filesOf } from "./source_tree.ts";

const MAX_LINES = 300;

async function findLines(name: RegExp, wrong: RegExp): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of await filesOf(name)) {
    const lines = (await Deno.readTextFile(ROOT + path)).split("\n");
    lines.forEach((line, i) =>
      wrong.test(line) && found.push(`${path}:${i + 1}: ${line.trim().slice(0, 120)}`)
    );
  }
  return found;
}

Deno.test(`no source file is longer than ${MAX_LINES} lines`, async () => {
  const long: string[] = [];
  for (const path of await filesOf(/\.ts$/)) {
    const lines = (await Deno.readTextFile(ROOT + path)).trimEnd().split("\n").length;
    if (lines > MAX_LINES) long.push(`${path}: ${lines} lines`);
  }
  assertEquals(long, []);
});

Deno.test("no file is named for what it is not", async () => {
  assertEquals((await filesOf(/^(utils?|helpers?|misc|common)\b.*\.ts$/)).filter((p) => p !== ""), []);
});

Deno.test("no test is switched off or runs alone", async () => {
  // Written in two halves so that this line does not find itself.
  assertEquals(
    await findLines(/\.ts$/, new RegExp("Deno\\.test\\." + "(only|ignore)|\\bonly: " + "true")),
    [],
  );
});

/** Paths and hosts of a workplace; the registry named by npm's own default is in no file either. */
const WORKPLACE = new RegExp(["/wo" + "rk/", "/ro" + "ot/", "registry\\.np" + "mjs"].join("|"));

Deno.test("no file names a path or a registry of the machine it was written on", async () => {
  assertEquals(await findLines(/\.(ts|md|json|toml|sh|example|yml)$|^run$|^routes$/, WORKPLACE), []);
});
