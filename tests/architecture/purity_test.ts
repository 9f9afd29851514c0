/**
 * The pure rooms touch nothing: a second type check that knows only the language itself makes Deno, fetch, setTimeout
 * and console errors in them; a scan finds the two clocks and dice that the language has.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ROOT } from "../helpers/program.ts";
import { isPure } from "./rooms.ts";
import { filesOf, programFiles, runDeno } from "./source_tree.ts";

async function pureFiles(): Promise<readonly string[]> {
  return (await programFiles()).filter(isPure);
}

/** Type-checks files with no library but ECMAScript's. */
async function checkPure(files: readonly string[]): Promise<{ code: number; stderr: string }> {
  const dir = await Deno.makeTempDir({ prefix: "pushpin_pure_" });
  try {
    const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
    const ambient = (await filesOf(/\.d\.ts$/, "types/")).map((path) => ROOT + path);
    const config = {
      imports,
      compilerOptions: {
        lib: ["esnext"],
        strict: true,
        noImplicitOverride: true,
        noUncheckedIndexedAccess: true,
        types: [`${ROOT}tests/architecture/pure_types.d.ts`, ...ambient],
      },
    };
    await Deno.writeTextFile(`${dir}/deno.json`, JSON.stringify(config));
    return await runDeno(["check", "--quiet", "--no-lock", "--config", `${dir}/deno.json`, ...files]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("the pure rooms type-check without Deno, fetch, timers and console", async () => {
  const { code, stderr } = await checkPure((await pureFiles()).map((path) => ROOT + path));
  assertEquals(code, 0, stderr);
});

Deno.test("checkPure() finds a file that reads the clock or the network", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      file,
      "setTimeout(() => {}, 1); Deno.exit(); fetch('x'); console.log(performance.now());",
    );
    const { code, stderr } = await checkPure([file]);
    assert(code !== 0);
    for (const name of ["setTimeout", "Deno", "fetch", "console", "performance"]) {
      assertStringIncludes(stderr, `Cannot find name '${name}'`);
    }
  } finally {
    await Deno.remove(file);
  }
});

/** What the language itself has of clocks and dice. */
const IMPURE = /\bDate\.now\b|\bMath\.random\b|\bnew Date\(\)/;

Deno.test("the pure rooms name neither a clock nor a die", async () => {
  const found: string[] = [];
  for (const path of await pureFiles()) {
    const lines = (await Deno.readTextFile(ROOT + path)).split("\n");
    lines.forEach((line, i) => {
      const code = line.replace(/^\s*(\/\/|\*|\/\*).*/, "");
      if (IMPURE.test(code)) found.push(`${path}:${i + 1}: ${line.trim()}`);
    });
  }
  assertEquals(found, []);
});
