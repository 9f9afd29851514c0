import { assertEquals } from "@std/assert";
import { HandlerStats, type HandlerStatsSettings } from "../../../../src/server/stats/handler_stats.ts";
import type { StatsPacket, StatsType } from "../../../../src/server/stats/packet.ts";
import { FakeTimers } from "../../../helpers/fake_timers.ts";
import { publishItem } from "../../../helpers/recording_port.ts";

class Stand {
  readonly timers = new FakeTimers();
  readonly sent: StatsPacket[] = [];
  readonly asked: (readonly StatsType[])[] = [];
  readonly stats: HandlerStats;

  constructor(settings: Partial<HandlerStatsSettings> = {}) {
    this.stats = new HandlerStats({
      timers: this.timers,
      now: this.timers.now,
      settings: { subscriptionTtlSeconds: 60, reportIntervalSeconds: 10, ...settings },
      onWanted: (types) => void this.asked.push(types),
    });
    this.stats.watch((packets) => void this.sent.push(...packets));
  }

  /** What was sent since the last call, as `type {fields}`. */
  packets(): string[] {
    return this.sent.splice(0).map(({ type, fields }) => `${type} ${JSON.stringify(fields)}`);
  }
}

const stream = (subscribers: number) => ({ mode: "stream" as const, channel: "c", subscribers });
const ended = { mode: "stream" as const, channel: "c", subscribers: 0, gone: true as const };

Deno.test("HandlerStats asks the proxies for what has subscribers, but not for what it knows itself", () => {
  const { stats, asked } = new Stand();
  stats.want(["message"]);
  assertEquals(asked, []);
  stats.want(["conn", "message", "sub"]);
  stats.want(["message", "sub", "conn"]);
  stats.want([]);
  assertEquals(asked, [["conn", "sub"], []]);
});

Deno.test("HandlerStats wants no reports where stats_report_interval is 0, and does once it is not", () => {
  const { stats, asked } = new Stand({ reportIntervalSeconds: 0 });
  stats.want(["report"]);
  assertEquals(asked, []);
  stats.configure({ subscriptionTtlSeconds: 60, reportIntervalSeconds: 1 });
  assertEquals(asked, [["report"]]);
});

Deno.test("HandlerStats tells of a message for each transport that had receivers", () => {
  const stand = new Stand({ blockBytes: 4 });
  stand.stats.want(["message"]);
  const item = publishItem({ id: "7", stream: "12345", response: "1" });
  stand.stats.published(item, { response: 2, stream: 3, ws: 0 });
  stand.stats.published(item, { response: 0, stream: 0, ws: 0 });
  assertEquals(stand.packets(), [
    'message {"channel":"c","item-id":"7","count":2,"blocks":2,"transport":"http-response"}',
    'message {"channel":"c","item-id":"7","count":3,"blocks":6,"transport":"http-stream"}',
  ]);
});

Deno.test("HandlerStats leaves blocks out where they are not counted, and an id that is not there", () => {
  const stand = new Stand();
  stand.stats.want(["message"]);
  stand.stats.published(publishItem({ stream: "12345" }), { response: 0, stream: 1, ws: 0 });
  assertEquals(stand.packets(), ['message {"channel":"c","count":1,"transport":"http-stream"}']);
});

Deno.test("HandlerStats adds subscriptions up over the proxies: told first, every 3/4 ttl, and at the last end", () => {
  const stand = new Stand();
  const { stats, timers } = stand;
  const [a, b] = [{}, {}];
  stats.want(["sub"]);
  stats.batch(a, { packets: [], subscriptions: [stream(1)] });
  assertEquals(stand.packets(), ['sub {"mode":"stream","channel":"c","ttl":60,"subscribers":1}']);
  stats.batch(b, { packets: [], subscriptions: [stream(5)] });
  stats.batch(a, { packets: [], subscriptions: [stream(2)] });
  assertEquals(stand.packets(), []);
  timers.pass(45_000);
  assertEquals(stand.packets(), ['sub {"mode":"stream","channel":"c","ttl":60,"subscribers":7}']);
  stats.batch(b, { packets: [], subscriptions: [ended] });
  assertEquals(stand.packets(), []);
  stats.batch(a, { packets: [], subscriptions: [ended] });
  stats.batch(a, { packets: [], subscriptions: [ended] });
  assertEquals(stand.packets(), ['sub {"mode":"stream","channel":"c","unavailable":true}']);
  timers.pass(100_000);
  assertEquals(stand.packets(), []);
});

Deno.test("HandlerStats tells the end of subscriptions that a proxy took with it", () => {
  const stand = new Stand();
  const { stats, timers } = stand;
  const [a, b] = [{}, {}];
  stats.want(["sub"]);
  stats.batch(a, { packets: [], subscriptions: [stream(1), { ...stream(1), channel: "both" }] });
  stats.batch(b, { packets: [], subscriptions: [{ ...stream(3), channel: "both" }] });
  stand.packets();
  stats.gone(a);
  assertEquals(stand.packets(), ['sub {"mode":"stream","channel":"c","unavailable":true}']);
  timers.pass(45_000);
  assertEquals(stand.packets(), ['sub {"mode":"stream","channel":"both","ttl":60,"subscribers":3}']);
});

Deno.test("HandlerStats sends what proxies tell of types that are still wanted", () => {
  const stand = new Stand();
  stand.stats.want(["conn"]);
  const conn = { type: "conn", fields: { id: "p:1", unavailable: true } } as const;
  const activity = { type: "activity", fields: { count: 1 } } as const;
  stand.stats.batch({}, { packets: [conn, activity], subscriptions: [stream(1)] });
  assertEquals(stand.sent, [conn]);
});

Deno.test("HandlerStats reports every interval, by route, what was received for those without an id", () => {
  const stand = new Stand({ blockBytes: 2 });
  const { stats, timers } = stand;
  stats.want(["report"]);
  const [a, b] = [{}, {}];
  const traffic = (sent: number) => [{ route: "r", mostConnections: 1, connections: 1, counts: { sent } }];
  stats.batch(a, { packets: [], traffic: traffic(1) });
  stats.batch(b, { packets: [], traffic: traffic(2) });
  stats.published(publishItem({ stream: "123", response: "1" }), { response: 0, stream: 3, ws: 0 });
  timers.pass(10_000);
  const reports = stand.sent.splice(0).map(({ fields }) => fields);
  assertEquals(
    reports.map(({ route, sent, received, connections, duration }) => [
      route,
      sent,
      received,
      connections,
      duration,
    ]),
    [["r", 3, 0, 2, 10_000], [undefined, 0, 1, 0, 10_000]],
  );
  assertEquals(reports.map((fields) => fields["blocks-received"]), [0, 2]);
  stats.want([]);
  timers.pass(100_000);
  assertEquals([stand.sent, timers.size], [[], 0]);
});
