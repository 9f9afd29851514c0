/**
 * The scenarios 6 to 24 of spec 14 against the real program, as one process and with two proxies: all of them at the same
 * time, as most of them wait for something.
 */
import { assertEquals } from "@std/assert";
import { type Form, GripStand, type Scenario } from "../helpers/grip_stand.ts";
import { CONTROL_API } from "./grip/control_api.ts";
import { FILTERS } from "./grip/filters.ts";
import { HOLDS } from "./grip/holds.ts";
import { ORDER } from "./grip/order.ts";
import { FIRST_SUBSCRIPTION, HINT_AND_RECOVER, RECOVERY } from "./grip/recovery.ts";

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

const FORMS = ["one process", "two proxies"] as const;

Deno.test("GRIP over HTTP means the same in one process and with two proxies", async (t) => {
  await Promise.all(FORMS.map(async (form) => {
    await using stand = await GripStand.start(form);
    await playAll(t, form, [HINT_AND_RECOVER], stand);
    await playAll(t, form, [...HOLDS, ...ORDER, ...RECOVERY, ...FILTERS, ...CONTROL_API], stand);
  }));
});

Deno.test("GRIP over HTTP asks the origin again on a channel's first subscription, as shipped", async (t) => {
  await Promise.all(FORMS.map(async (form) => {
    await using stand = await GripStand.start(form, {});
    await playAll(t, form, [FIRST_SUBSCRIPTION], stand);
  }));
});
