import { assertEquals } from "@std/assert";
import { fails, judge } from "../../../bench/budget.ts";
import { readWrk } from "../../../bench/load/wrk.ts";
import { Collector, median } from "../../../bench/results.ts";
import { less, more } from "../../../bench/workloads/workload.ts";

Deno.test("median() is the middle one, or the mean of the two in the middle", () => {
  assertEquals([median([3, 1, 2]), median([4, 1, 3, 2])], [2, 2.5]);
});

Deno.test("Collector.rows() divides our median by each peer's", () => {
  const collector = new Collector();
  for (const value of [10, 30, 20]) collector.add("get", "ours", [more("rate", value, "/s")]);
  for (const value of [40, 50, 30]) collector.add("get", "nginx", [more("rate", value, "/s")]);
  const [row] = collector.rows(["ours"]);
  assertEquals(row?.id, "get.rate");
  assertEquals(row?.raw, { ours: [10, 30, 20], nginx: [40, 50, 30] });
  assertEquals(row?.ratios, { nginx: 0.5 });
});

Deno.test("judge() fails a run for floors and for baselines missed by more than the tolerance, not for goals", () => {
  const collector = new Collector();
  collector.add("get", "ours", [more("rate", 45, "/s"), less("memory", 20, "KB")]);
  collector.add("get", "nginx", [more("rate", 100, "/s")]);
  const rows = collector.rows(["ours"]);
  const state = (line: object) => {
    const [verdict] = judge({ tolerance: 0.15, lines: [{ id: "get.rate", ...line }] }, rows, "ours");
    return [verdict?.state, verdict && fails(verdict)];
  };
  assertEquals(state({ against: "nginx", goal: 0.5, floor: 0.4 }), ["goal-missed", false]);
  assertEquals(state({ against: "nginx", goal: 0.5, floor: 0.46 }), ["floor-missed", true]);
  assertEquals(state({ against: "nginx", baseline: 0.5 }), ["kept", false]);
  assertEquals(state({ against: "nginx", baseline: 0.54 }), ["regressed", true]);
  assertEquals(state({ against: "pushpin", floor: 1 }), ["absent", false]);
  assertEquals(state({ id: "get.memory", floor: 19 }), ["floor-missed", true]);
  assertEquals(state({ id: "get.memory", baseline: 18 }), ["kept", false]);
});

Deno.test("readWrk() reads rates, percentiles in their units, and every kind of failure", () => {
  const text = `Running 2s test @ http://127.0.0.1:1/small
  Latency Distribution
     50%  867.00us
     99%    1.10s
  65995 requests in 2.01s, 12.21MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 5
Requests/sec:  32832.79
`;
  assertEquals(readWrk(text), {
    requestsPerSecond: 32832.79,
    requests: 65995,
    p50Ms: 0.867,
    p99Ms: 1100,
    errors: 15,
  });
});
