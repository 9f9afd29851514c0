import { assertEquals } from "@std/assert";
import { simulate } from "./simulation.ts";

Deno.test("A client that stays sees every item once and in order in 2 000 worlds of trouble", async () => {
  const failing: string[] = [];
  let asked = 0;
  for (let seed = 1; seed <= 2000; seed++) {
    const { violation, counts } = await simulate(seed);
    asked += counts.asked;
    if (violation !== undefined) failing.push(`deno task simulate --seed ${seed}: ${violation}`);
  }
  assertEquals(failing, []);
  assertEquals(asked > 2000, true, "worlds without trouble prove nothing");
});

Deno.test("simulate() gives the same world for the same seed", async () => {
  assertEquals(await simulate(4711), await simulate(4711));
});
