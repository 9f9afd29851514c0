/**
 * A proxy's statistics, while the handler says that somebody wants them: what happens is counted or kept for up to
 * 100 ms and then told in one message. While nobody does, `active` is false and nothing is kept.
 */
import type { Header } from "../../grip/head.ts";
import type { FormatName, PublishItem } from "../../grip/publish_item.ts";
import { itemBlocks } from "./blocks.ts";
import { type Connection, ConnectionStats } from "./connection_stats.ts";
import { requestHeadBytes, responseHeadBytes } from "./header_bytes.ts";
import {
  routeField,
  type StatsBatch,
  type StatsPacket,
  type StatsTimers,
  type StatsType,
  type SubscriptionCount,
} from "./packet.ts";
import { TrafficCounts } from "./traffic.ts";

export interface ProxyStatsSettings {
  /** `stats_connection_ttl`. */
  readonly connectionTtlSeconds: number;
  /** `stats_connection_send`. */
  readonly sendConnections: boolean;
  /** `message_block_size`; undefined counts no blocks. */
  readonly blockBytes?: number | undefined;
}

export interface ProxyStatsOptions {
  readonly timers: StatsTimers;
  readonly settings: ProxyStatsSettings;
  readonly report: (batch: StatsBatch) => void;
  /** All that are there now, for a listener that comes late. */
  readonly connections: () => Iterable<Connection>;
  readonly subscriptions: () => Iterable<SubscriptionCount>;
  /** Milliseconds, monotonic; tests bring their own. */
  readonly now?: () => number;
}

/** A request as far as reports count it. `bodyLength`: where it is known without counting. */
export interface CountedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly Header[];
  readonly bodyLength?: number | undefined;
}

const BATCH_MS = 100;
/** How often counters for reports are told. */
const TRAFFIC_MS = 1000;
/** Packets, and subscriptions, in one message. More packets do not wait; more subscriptions wait for the next. */
const MAX_BATCH = 2000;

export class ProxyStats {
  readonly #options: ProxyStatsOptions;
  #settings: ProxyStatsSettings;
  #wanted: ReadonlySet<StatsType> = new Set();
  readonly #traffic = new TrafficCounts();
  #connections: ConnectionStats;
  readonly #activity = new Map<string | undefined, number>();
  /** Those that have changed, by mode and channel. */
  readonly #subscriptions = new Map<string, SubscriptionCount>();
  /** conn packets. */
  #packets: StatsPacket[] = [];
  #flushing = false;
  #counting = false;

  constructor(options: ProxyStatsOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#connections = this.#newConnections();
  }

  /** Whether anybody wants anything: whatever happens for every request asks this first. */
  get active(): boolean {
    return this.#wanted.size > 0;
  }

  /** Takes new settings; connections get the new time to live at once. */
  configure(settings: ProxyStatsSettings): void {
    const { connectionTtlSeconds, sendConnections } = this.#settings;
    this.#settings = settings;
    if (
      connectionTtlSeconds === settings.connectionTtlSeconds && sendConnections === settings.sendConnections
    ) {
      return;
    }
    const wanted = this.#wanted;
    this.want([]);
    this.#connections = this.#newConnections();
    this.want([...wanted]);
  }

  /** What somebody wants from now on; what nobody wants any more is forgotten. */
  want(types: readonly StatsType[]): void {
    const before = this.#wanted;
    this.#wanted = new Set(types);
    if (!this.#wants("activity")) this.#activity.clear();
    if (!this.#wants("conn")) this.#packets = [];
    if (!this.#wants("sub")) this.#subscriptions.clear();
    else if (!before.has("sub")) { for (const count of this.#options.subscriptions()) this.#note(count); }
    if (!this.#wants("report")) this.#traffic.clear();
    else if (!before.has("report")) this.#countLater();
    this.#connections.want(this.#wants("conn") && this.#settings.sendConnections, this.#wants("report"));
  }

  /** A client's request has come. */
  requested(route: string | undefined, request: CountedRequest): void {
    this.acted(route);
    if (!this.#wants("report")) return;
    const { method, path, headers, bodyLength = 0 } = request;
    this.#traffic.add(route, "minutes");
    this.#traffic.add(route, "client-header-bytes-received", requestHeadBytes(method, path, headers));
    this.#traffic.add(route, "client-content-bytes-received", bodyLength);
  }

  /** A response's head goes to a client, with so much of its body as is known. */
  answered(
    route: string | undefined,
    response: {
      readonly reason: string;
      readonly headers: readonly Header[] | Headers;
      readonly bodyLength?: number | undefined;
    },
  ): void {
    if (!this.#wants("report")) return;
    const { reason, headers, bodyLength = 0 } = response;
    this.#traffic.add(route, "client-header-bytes-sent", responseHeadBytes(reason, headers));
    this.#traffic.add(route, "client-content-bytes-sent", bodyLength);
  }

  /** More of a body has been written to a client. */
  wrote(route: string | undefined, bytes: number): void {
    if (this.#wants("report")) this.#traffic.add(route, "client-content-bytes-sent", bytes);
  }

  /** An origin was asked and has answered. */
  asked(route: string | undefined, request: CountedRequest, response: Response): void {
    if (!this.#wants("report")) return;
    const { method, path, headers, bodyLength = 0 } = request;
    const length = Number(response.headers.get("content-length"));
    const traffic = this.#traffic;
    traffic.add(route, "server-header-bytes-sent", requestHeadBytes(method, path, headers));
    traffic.add(route, "server-content-bytes-sent", bodyLength);
    traffic.add(
      route,
      "server-header-bytes-received",
      responseHeadBytes(response.statusText, response.headers),
    );
    if (length > 0) traffic.add(route, "server-content-bytes-received", length);
  }

  /** A request, a keep-alive, a minute of a socket's traffic. */
  acted(route: string | undefined): void {
    if (!this.#wants("activity")) return;
    this.#activity.set(route, (this.#activity.get(route) ?? 0) + 1);
    this.#flushLater();
  }

  /** An item has been written to a client. */
  sent(route: string | undefined, format: FormatName, item: PublishItem): void {
    if (!this.#wants("report")) return;
    this.#traffic.add(route, "sent");
    if (format === "http-response") this.#traffic.add(route, "http-response-sent");
    this.#traffic.add(route, "blocks-sent", itemBlocks(item, format, this.#settings.blockBytes) ?? 0);
  }

  /** A client waits from now on. */
  connected(connection: Connection): void {
    if (this.active) this.#connections.connected(connection);
  }

  disconnected(id: string): void {
    if (this.active) this.#connections.disconnected(id);
  }

  /** `subscribers` is undefined when the subscription ends, its linger included. */
  subscribed(mode: SubscriptionCount["mode"], channel: string, subscribers: number | undefined): void {
    if (!this.#wants("sub")) return;
    if (subscribers === undefined) this.#note({ mode, channel, subscribers: 0, gone: true });
    else this.#note({ mode, channel, subscribers });
  }

  #wants(type: StatsType): boolean {
    return this.#wanted.has(type);
  }

  #newConnections(): ConnectionStats {
    const { timers, connections, now = () => performance.now() } = this.#options;
    return new ConnectionStats({
      timers,
      now,
      ttlSeconds: this.#settings.connectionTtlSeconds,
      tell: (packet) => this.#tell(packet),
      traffic: this.#traffic,
      connections,
    });
  }

  #tell(packet: StatsPacket): void {
    this.#packets.push(packet);
    if (this.#packets.length >= MAX_BATCH) this.#flush();
    else this.#flushLater();
  }

  #note(count: SubscriptionCount): void {
    this.#subscriptions.set(`${count.mode} ${count.channel}`, count);
    this.#flushLater();
  }

  #countLater(): void {
    if (this.#counting || !this.#wants("report")) return;
    this.#counting = true;
    this.#options.timers.set(TRAFFIC_MS, () => {
      this.#counting = false;
      const traffic = this.#traffic.take();
      if (traffic.length > 0) this.#options.report({ packets: [], traffic });
      this.#countLater();
    });
  }

  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#options.timers.set(BATCH_MS, () => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const packets = this.#packets;
    this.#packets = [];
    for (const [route, count] of this.#activity) {
      packets.push({ type: "activity", fields: { count, ...routeField(route) } });
    }
    this.#activity.clear();
    const subscriptions: SubscriptionCount[] = [];
    for (const [key, count] of this.#subscriptions) {
      if (subscriptions.length >= MAX_BATCH) {
        this.#flushLater();
        break;
      }
      subscriptions.push(count);
      this.#subscriptions.delete(key);
    }
    if (packets.length === 0 && subscriptions.length === 0) return;
    this.#options.report({ packets, ...(subscriptions.length > 0 && { subscriptions }) });
  }
}
