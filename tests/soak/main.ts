/**
 * The proofs of processes at full size: `deno task soak [NAME…]`, minutes long. PUSHPIN_TEST_EXECUTABLE names a
 * compiled program to be tried in place of `deno run main.ts`; SOAK_SEED repeats a storm.
 */
import { proveHandlerDeath, proveProxyDeath, proveWatchdog } from "../helpers/process_proofs.ts";
import { proveCrashStorm, proveDrain, proveReloads } from "../helpers/process_proofs_life.ts";
import { Random } from "../helpers/random.ts";

const seed = Number(Deno.env.get("SOAK_SEED") ?? Date.now() % 1_000_000);

const PROOFS: Readonly<Record<string, () => Promise<unknown>>> = {
  // SOAK_WITHIN_MS: 50 messages a second to 1 500 clients need more than two cores, the clients' own work included.
  "handler-death": () =>
    proveHandlerDeath({
      streams: 1000,
      polls: 500,
      kills: 10,
      restMs: 500,
      withinMs: Number(Deno.env.get("SOAK_WITHIN_MS") ?? 1000),
    }),
  "proxy-death": () => proveProxyDeath({ streams: 1000 }),
  "watchdog": () => proveWatchdog(),
  "reloads": () => proveReloads({ seconds: 60, everyMs: 1000, streams: 200 }),
  "drain": () => proveDrain({ requests: 200, streams: 500 }),
  "crash-storm": () => proveCrashStorm({ seconds: 60, everyMs: 300, random: new Random(seed) }),
};

const names = Deno.args.length > 0 ? Deno.args : Object.keys(PROOFS);
let failed = 0;
for (const name of names) {
  const proof = PROOFS[name];
  if (proof === undefined) {
    console.error(`Unknown proof "${name}": there are ${Object.keys(PROOFS).join(", ")}`);
    Deno.exit(1);
  }
  const start = performance.now();
  try {
    const result = await proof();
    console.log(
      `ok     ${name} ${((performance.now() - start) / 1000).toFixed(1)} s ${JSON.stringify(result)}`,
    );
  } catch (error) {
    failed++;
    console.log(`FAILED ${name} seed=${seed}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
Deno.exit(failed === 0 ? 0 : 1);
