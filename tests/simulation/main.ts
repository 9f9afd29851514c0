/**
 * `deno task simulate`: 100 000 worlds, or `--seeds N` of them from `--from N` on, or the one of `--seed N`.
 * Prints the seeds in which something was seen that must not be, and exits 1.
 */
import { parseArgs } from "@std/cli/parse-args";
import { simulate } from "./simulation.ts";

const args = parseArgs(Deno.args, { string: ["seed", "seeds", "from"] });
const from = Number(args.seed ?? args.from ?? 1);
const count = args.seed === undefined ? Number(args.seeds ?? 100_000) : 1;

const startMs = performance.now();
const totals = { items: 0, asked: 0, clients: 0, gaps: 0 };
const failing: number[] = [];
for (let seed = from; seed < from + count; seed++) {
  const { violation, counts } = await simulate(seed);
  for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += counts[key];
  if (violation !== undefined) {
    failing.push(seed);
    console.log(`seed ${seed}: ${violation}`);
    console.log(`  again: deno task simulate --seed ${seed}`);
    if (failing.length >= 10) break;
  }
  if ((seed - from + 1) % 10_000 === 0) {
    console.log(`${seed - from + 1} worlds, ${Math.round((performance.now() - startMs) / 1000)} s`);
  }
}
const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
console.log(
  `${count} worlds in ${seconds} s: ${totals.clients} clients, ${totals.items} publishes, ` +
    `${totals.asked} recoveries asked of the origin, ${failing.length} failing`,
);
Deno.exit(failing.length > 0 ? 1 : 0);
