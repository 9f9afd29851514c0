/**
 * The recorded cases against our own program. What differs is in differences.json with a reason, and with the exact
 * transcript that we promise instead; anything else fails, and so does a listed difference that is none any more.
 */
import { programLane, runOnLanes } from "./lanes.ts";
import { readData } from "./main.ts";
import type { Scenario } from "./scenario.ts";
import type { Transcript } from "./transcript.ts";
import { type Differences, judge, passes } from "./verdict.ts";

const LANES = 3;

Deno.test("the program behaves as the original was recorded, but for the listed differences", async (t) => {
  const scenarios = await readData<readonly Scenario[]>("scenarios.json");
  const recorded = await readData<Readonly<Record<string, Transcript>>>("recorded.json");
  const listed = await readData<Differences>("differences.json");
  const seen = new Map<string, Transcript>();
  const verdictOf = (name: string) => judge(recorded[name] ?? [], seen.get(name) ?? [], listed[name]);
  {
    await using stack = new AsyncDisposableStack();
    const lanes = await Promise.all(Array.from({ length: LANES }, () => programLane()));
    for (const lane of lanes) stack.use(lane);
    await runOnLanes(scenarios, lanes, (name, got) => seen.set(name, got));
    // The script goes by the clock, and a busy machine is late: what differed has a second try with nothing beside it.
    const again = scenarios.filter(({ name }) => !passes(verdictOf(name)));
    await runOnLanes(again, lanes.slice(0, 1), (name, got) => seen.set(name, got));
  }
  for (const { name } of scenarios) {
    await t.step(name, () => {
      const verdict = verdictOf(name);
      if ("text" in verdict) throw new Error(`${verdict.kind}:\n${verdict.text}`);
    });
  }
  await t.step("every listed difference names a case and has a reason", () => {
    const names = new Set(scenarios.map(({ name }) => name));
    for (const [name, { reason }] of Object.entries(listed)) {
      if (!names.has(name) || reason.trim() === "") {
        throw new Error(`differences.json: "${name}": "${reason}"`);
      }
    }
  });
});
