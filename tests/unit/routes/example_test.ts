import { assertEquals } from "@std/assert";
import { CONDITION_PROPERTIES } from "../../../src/routes/condition.ts";
import { describeProblem } from "../../../src/routes/parse.ts";
import { TARGET_PROPERTIES } from "../../../src/routes/target.ts";
import { parse } from "../../helpers/route_lines.ts";

Deno.test("routes.example is read without a problem", async () => {
  const text = await Deno.readTextFile(new URL("../../../routes.example", import.meta.url));
  const { routes, problems } = parse(text);
  assertEquals(problems.map((p) => describeProblem("routes.example", p)), []);
  assertEquals(routes.length, text.split("\n").filter((line) => /^[^#\s]/.test(line)).length);
});

Deno.test("routes.example shows every property", async () => {
  const text = await Deno.readTextFile(new URL("../../../routes.example", import.meta.url));
  const missing = [...CONDITION_PROPERTIES, ...TARGET_PROPERTIES].filter((name) => !text.includes(name));
  assertEquals(missing, []);
});
