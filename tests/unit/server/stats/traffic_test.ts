import { assertEquals } from "@std/assert";
import { TRAFFIC_COUNTERS } from "../../../../src/server/stats/packet.ts";
import { TrafficCounts, TrafficSum } from "../../../../src/server/stats/traffic.ts";

/** A report's fields without the counters that are 0. */
function busy(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 0));
}

Deno.test("TrafficCounts.take() gives what has grown since, by route, and the most connections at once", () => {
  const counts = new TrafficCounts();
  counts.add("r", "sent");
  counts.add("r", "sent", 2);
  counts.add(undefined, "minutes");
  counts.connected("r");
  counts.connected("r");
  counts.disconnected("r");
  assertEquals(counts.take(), [
    { route: "r", mostConnections: 2, connections: 1, counts: { sent: 3 } },
    { mostConnections: 0, connections: 0, counts: { minutes: 1 } },
  ]);
  // Two were told as the most: from here on it is one.
  assertEquals(counts.take(), []);
  counts.disconnected("r");
  assertEquals(counts.take(), [{ route: "r", mostConnections: 1, connections: 0, counts: {} }]);
  assertEquals(counts.take(), []);
});

Deno.test("TrafficCounts tells of a connection that came and went between two takes", () => {
  const counts = new TrafficCounts();
  counts.connected(undefined);
  counts.disconnected(undefined);
  assertEquals(counts.take(), [{ mostConnections: 1, connections: 0, counts: {} }]);
});

Deno.test("TrafficSum adds the processes up; connections that stay are in every report", () => {
  const sum = new TrafficSum();
  const [a, b] = [{}, {}];
  sum.add(a, { mostConnections: 3, connections: 1, counts: { sent: 2 } });
  sum.add(a, { mostConnections: 2, connections: 2, counts: { sent: 1 } });
  sum.add(b, { mostConnections: 4, connections: 4, counts: {} });
  sum.count("received", 1);
  const report = (durationMs: number) => sum.take(durationMs, false).map(({ fields }) => busy(fields));
  assertEquals(report(10_000.4), [{ connections: 7, sent: 3, received: 1, duration: 10_000 }]);
  assertEquals(report(9_999.6), [{ connections: 6, duration: 10_000 }]);
  sum.gone(b);
  assertEquals(report(10_000), [{ connections: 6, duration: 10_000 }]);
  assertEquals(report(10_000), [{ connections: 2, duration: 10_000 }]);
  sum.add(a, { mostConnections: 2, connections: 0, counts: {} });
  assertEquals(report(10_000), [{ connections: 2, duration: 10_000 }]);
  assertEquals(report(10_000), [{ duration: 10_000 }]);
  assertEquals(report(10_000), []);
});

Deno.test("TrafficSum.take() has every counter of a report, blocks only where they are counted", () => {
  const sum = new TrafficSum();
  sum.add({}, { route: "r", mostConnections: 1, connections: 1, counts: { "blocks-sent": 2 } });
  const [packet] = sum.take(5, true);
  assertEquals(packet?.type, "report");
  assertEquals(
    Object.keys(packet?.fields ?? {}).sort(),
    ["connections", "duration", "route", ...TRAFFIC_COUNTERS].sort(),
  );
  const [without] = sum.take(5, false);
  assertEquals(Object.keys(without?.fields ?? {}).filter((name) => name.startsWith("blocks-")), []);
});
