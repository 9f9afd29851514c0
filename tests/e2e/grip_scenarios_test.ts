/**
 * The scenarios 6 to 24 of spec 14 against the real program, as one process and with two proxies: all of them at the same
 * time, as most of them wait for something.
 */
import { assertEquals } from "@std/assert";
import { type Form, GripStand, type Scenario } from "../helpers/grip_stand.ts";
import { HOLDS } from "./grip/holds.ts";

/** All at once; a failing one does not keep the others from being told. */
async function playAll(
  t: Deno.TestContext,
  form: Form,
  scenarios: readonly Scenario[],
  stand: GripStand,
): Promise<void> {
  const passed = await Promise.all(scenarios.map((scenario) =>
    t.step({
      name: `${form}: ${scenario.name}`,
      fn: () => stand.play(scenario),
      // Steps that run at the same time cannot tell each other's resources apart; the whole test is checked.
      sanitizeOps: false,
      sanitizeResources: false,
      sanitizeExit: false,
    })
  ));
  assertEquals(passed.includes(false), false);
}

Deno.test("GRIP over HTTP means the same in one process and with two proxies", async (t) => {
  await Promise.all((["one process", "two proxies"] as const).map(async (form) => {
    await using stand = await GripStand.start(form);
    await playAll(t, form, HOLDS, stand);
  }));
});
