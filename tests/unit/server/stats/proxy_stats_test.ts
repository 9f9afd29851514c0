import { assertEquals } from "@std/assert";
import type { Connection } from "../../../../src/server/stats/connection_stats.ts";
import type { StatsBatch, SubscriptionCount } from "../../../../src/server/stats/packet.ts";
import { ProxyStats, type ProxyStatsSettings } from "../../../../src/server/stats/proxy_stats.ts";
import { FakeTimers } from "../../../helpers/fake_timers.ts";
import { publishItem } from "../../../helpers/recording_port.ts";

const SETTINGS: ProxyStatsSettings = { connectionTtlSeconds: 120, sendConnections: true };

function connection(id: string, more: Partial<Connection> = {}): Connection {
  return { id, type: "http", route: undefined, peerAddress: undefined, ssl: false, ...more };
}

class Stand {
  readonly timers = new FakeTimers();
  readonly batches: StatsBatch[] = [];
  readonly connections: Connection[] = [];
  readonly subscriptions: SubscriptionCount[] = [];
  readonly stats: ProxyStats;

  constructor(settings: Partial<ProxyStatsSettings> = {}) {
    this.stats = new ProxyStats({
      timers: this.timers,
      now: this.timers.now,
      settings: { ...SETTINGS, ...settings },
      report: (batch) => void this.batches.push(batch),
      connections: () => this.connections,
      subscriptions: () => this.subscriptions,
    });
  }

  /** What was told since the last call, as `type {fields}`. */
  packets(): string[] {
    return this.batches.splice(0).flatMap(({ packets }) =>
      packets.map(({ type, fields }) => `${type} ${JSON.stringify(fields)}`)
    );
  }
}

const REQUEST = {
  method: "GET",
  path: "/a?b",
  headers: [["host", "x"], ["accept", "*/*"]] as const,
  bodyLength: 7,
};

Deno.test("ProxyStats keeps nothing, tells nothing and sets no timer while nobody wants anything", () => {
  const { stats, timers, batches } = new Stand();
  assertEquals(stats.active, false);
  stats.requested("r", REQUEST);
  stats.connected(connection("p:1"));
  stats.subscribed("stream", "c", 1);
  stats.sent("r", "http-stream", publishItem({ stream: "x" }));
  stats.disconnected("p:1");
  assertEquals([timers.size, batches.length], [0, 0]);
  stats.want(["activity", "conn", "report", "sub"]);
  timers.pass(300_000);
  assertEquals(batches, []);
});

Deno.test("ProxyStats counts requests and keep-alives as activity, by route, every 100 ms", () => {
  const stand = new Stand();
  const { stats, timers } = stand;
  stats.want(["activity"]);
  stats.requested("r", REQUEST);
  stats.requested(undefined, REQUEST);
  timers.pass(99);
  stats.acted("r");
  assertEquals(stand.packets(), []);
  timers.pass(1);
  assertEquals(stand.packets(), ['activity {"count":2,"route":"r"}', 'activity {"count":1}']);
  timers.pass(1000);
  assertEquals(stand.packets(), []);
});

Deno.test("ProxyStats tells of a connection when it comes, every 3/4 ttl, and when it goes", () => {
  const stand = new Stand();
  const { stats, timers } = stand;
  stats.want(["conn"]);
  stats.connected(connection("p:1", { route: "r", peerAddress: "192.0.2.1", ssl: true }));
  const there = 'conn {"id":"p:1","type":"http","peer-address":"192.0.2.1","ssl":true,"ttl":120,"route":"r"}';
  timers.pass(100);
  assertEquals(stand.packets(), [there]);
  timers.pass(89_000);
  assertEquals(stand.packets(), []);
  timers.pass(1_000);
  assertEquals(stand.packets(), [there]);
  stats.disconnected("p:1");
  timers.pass(100);
  assertEquals(stand.packets(), ['conn {"id":"p:1","unavailable":true}']);
  timers.pass(300_000);
  assertEquals(stand.packets(), []);
});

Deno.test("ProxyStats tells a listener who comes late of all connections within 3/4 ttl, a few at a time", () => {
  const stand = new Stand();
  const { stats, timers, connections } = stand;
  for (let i = 0; i < 1000; i++) connections.push(connection(`p:${i}`));
  stats.want(["conn"]);
  timers.pass(110);
  const first = stand.packets().length;
  timers.pass(600);
  assertEquals([first > 0 && first < 300, first + stand.packets().length], [true, 1000]);
  // And again each, 3/4 ttl after it was told.
  timers.pass(90_000);
  assertEquals(stand.packets().length, 1000);
});

Deno.test("ProxyStats spreads more connections than fit over 3/4 ttl", () => {
  const stand = new Stand({ connectionTtlSeconds: 1 });
  for (let i = 0; i < 10_000; i++) stand.connections.push(connection(`p:${i}`));
  stand.stats.want(["conn"]);
  stand.timers.pass(750);
  stand.packets();
  stand.timers.pass(850);
  assertEquals(new Set(stand.packets().map((packet) => packet.split('"')[3])).size, 10_000);
});

Deno.test("ProxyStats tells no conn packets where stats_connection_send is off, and takes a new ttl at once", () => {
  const stand = new Stand({ sendConnections: false });
  const { stats, timers, connections } = stand;
  connections.push(connection("p:1"));
  stats.want(["conn"]);
  timers.pass(200);
  assertEquals(stand.packets(), []);
  stats.configure({ ...SETTINGS, connectionTtlSeconds: 4 });
  timers.pass(200);
  assertEquals(stand.packets(), ['conn {"id":"p:1","type":"http","ttl":4}']);
  timers.pass(3000);
  assertEquals(stand.packets(), ['conn {"id":"p:1","type":"http","ttl":4}']);
});

Deno.test("ProxyStats tells of subscriptions that changed, once each, and of all to a listener who comes late", () => {
  const { stats, timers, batches, subscriptions } = new Stand();
  subscriptions.push({ mode: "response", channel: "old", subscribers: 0 });
  stats.want(["sub"]);
  stats.subscribed("stream", "c", 1);
  stats.subscribed("stream", "c", 2);
  stats.subscribed("stream", "gone", 1);
  stats.subscribed("stream", "gone", undefined);
  timers.pass(100);
  assertEquals(batches, [{
    packets: [],
    subscriptions: [
      { mode: "response", channel: "old", subscribers: 0 },
      { mode: "stream", channel: "c", subscribers: 2 },
      { mode: "stream", channel: "gone", subscribers: 0, gone: true },
    ],
  }]);
});

Deno.test("ProxyStats tells 10 000 subscriptions in messages of at most 2000", () => {
  const { stats, timers, batches, subscriptions } = new Stand();
  for (let i = 0; i < 10_000; i++) subscriptions.push({ mode: "stream", channel: `${i}`, subscribers: 1 });
  stats.want(["sub"]);
  timers.pass(500);
  assertEquals(batches.map((batch) => batch.subscriptions?.length), [2000, 2000, 2000, 2000, 2000]);
});

Deno.test("ProxyStats counts traffic by route, heads by names and values, and each begun minute once", () => {
  const { stats, timers, batches, connections } = new Stand({ blockBytes: 10 });
  connections.push(connection("p:0", { route: "r" }));
  stats.want(["report"]);
  stats.requested("r", REQUEST);
  stats.asked("r", REQUEST, new Response("12345", { headers: { "content-length": "5", "a": "b" } }));
  stats.connected(connection("p:1", { route: "r" }));
  stats.answered("r", { reason: "OK", headers: [["a", "bc"]], bodyLength: 3 });
  stats.wrote("r", 4);
  stats.sent("r", "http-stream", publishItem({ stream: "12345678901" }));
  stats.sent("r", "http-response", publishItem({ response: "1", size: 100 }));
  stats.disconnected("p:1");
  timers.pass(1000);
  assertEquals(batches.splice(0), [{
    packets: [],
    traffic: [{
      route: "r",
      mostConnections: 2,
      connections: 1,
      counts: {
        "minutes": 1,
        "client-header-bytes-received": 3 + 4 + 5 + 9,
        "client-content-bytes-received": 7,
        "server-header-bytes-sent": 3 + 4 + 5 + 9,
        "server-content-bytes-sent": 7,
        // 200, content-type of a text, content-length, a.
        "server-header-bytes-received": 3 + 36 + 15 + 2,
        "server-content-bytes-received": 5,
        "client-header-bytes-sent": 3 + 2 + 3,
        "client-content-bytes-sent": 7,
        "sent": 2,
        "http-response-sent": 1,
        "blocks-sent": 12,
      },
    }],
  }]);
  timers.pass(58_000);
  assertEquals(batches.splice(0), []);
  timers.pass(2_000);
  assertEquals(batches.splice(0), [{
    packets: [],
    traffic: [{ route: "r", mostConnections: 1, connections: 1, counts: { minutes: 1 } }],
  }]);
});

Deno.test("ProxyStats forgets everything when nobody wants it any more", () => {
  const stand = new Stand();
  const { stats, timers, batches } = stand;
  stats.want(["activity", "conn", "report", "sub"]);
  stats.requested("r", REQUEST);
  stats.connected(connection("p:1"));
  stats.subscribed("stream", "c", 1);
  stats.want([]);
  timers.pass(300_000);
  assertEquals([batches, timers.size, stats.active], [[], 0, false]);
});
