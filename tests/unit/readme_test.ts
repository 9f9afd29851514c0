import { assertEquals } from "@std/assert";
import { withSettings } from "../../scripts/readme.ts";
import { CONDITION_PROPERTIES } from "../../src/routes/condition.ts";
import { TARGET_PROPERTIES } from "../../src/routes/target.ts";

const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));

/** Without the padding that `deno fmt` gives to tables. */
function unpadded(text: string): string {
  return text.replace(/^\|.*$/gm, (row) => row.replace(/ *\| */g, "|").replace(/-+/g, "-"));
}

Deno.test("README.md has the settings as they are: else run scripts/readme.ts and deno fmt", () => {
  assertEquals(unpadded(readme), unpadded(withSettings(readme)));
});

Deno.test("README.md names every property of a route", () => {
  const names = [...CONDITION_PROPERTIES, ...TARGET_PROPERTIES].filter((name) => !name.startsWith("jsonp_"));
  // Only zhttp targets have it, and they are refused.
  assertEquals(names.filter((name) => name !== "ipc_file_mode" && !readme.includes(name)), []);
});

Deno.test("README.md gives the reason for every dependency", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const names = Object.keys(imports).filter((name) => !name.startsWith("@std/"));
  assertEquals(names.filter((name) => !readme.includes(`\`${name}\``)), []);
});

Deno.test("README.md links to files that are there", async () => {
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)].map((m) => m[1]!);
  for (const link of links) await Deno.stat(new URL(`../../${link}`, import.meta.url));
});
