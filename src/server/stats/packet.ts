/** What the stats socket says (spec 9.1), and what proxies tell the handler so that it can say it. */

export const STATS_TYPES = ["activity", "message", "conn", "sub", "report"] as const;
export type StatsType = (typeof STATS_TYPES)[number];

/** A packet as it goes out, but for its `from`. */
export interface StatsPacket {
  readonly type: StatsType;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** Who listens to a channel in one proxy; the handler adds the proxies up. */
export interface SubscriptionCount {
  readonly mode: "response" | "stream" | "ws";
  readonly channel: string;
  /** 0 while the last long-poll has left and the next may come (spec 4.7). */
  readonly subscribers: number;
  /** That time is over too. */
  readonly gone?: true;
}

/** What a report counts, by the packet's own names; all of them only grow. */
export const TRAFFIC_COUNTERS = [
  "minutes",
  "received",
  "sent",
  "http-response-sent",
  "blocks-received",
  "blocks-sent",
  "client-header-bytes-received",
  "client-header-bytes-sent",
  "client-content-bytes-received",
  "client-content-bytes-sent",
  "client-messages-received",
  "client-messages-sent",
  "server-header-bytes-received",
  "server-header-bytes-sent",
  "server-content-bytes-received",
  "server-content-bytes-sent",
  "server-messages-received",
  "server-messages-sent",
] as const;
export type TrafficCounter = (typeof TRAFFIC_COUNTERS)[number];

/** One route's traffic in one process since it was told last. */
export interface RouteTraffic {
  /** Its explicit id; undefined for all routes without one. */
  readonly route?: string;
  /** The most connections there were at once, and those there are. */
  readonly mostConnections: number;
  readonly connections: number;
  /** What has grown, and by how much. */
  readonly counts: Readonly<Partial<Record<TrafficCounter, number>>>;
}

/** What a proxy tells in one message. */
export interface StatsBatch {
  /** Sent on as they are. */
  readonly packets: readonly StatsPacket[];
  /** Those that have changed. */
  readonly subscriptions?: readonly SubscriptionCount[];
  /** Routes with news. */
  readonly traffic?: readonly RouteTraffic[];
}

/** The part of a timer wheel that statistics need. What is set stays set: whoever stops listening lets it fire for nothing. */
export interface StatsTimers {
  set(delayMs: number, fire: () => void): unknown;
}

/** A packet's `route`: only explicit ids are told. */
export function routeField(route: string | undefined): { readonly route?: string } {
  return route === undefined ? {} : { route };
}
