/**
 * The handler's statistics: what the proxies tell is put together and sent on, what is published is told. Nothing is
 * kept that nobody wants.
 */
import type { FormatName, PublishItem } from "../../grip/publish_item.ts";
import { itemBlocks, receivedBlocks } from "./blocks.ts";
import type { StatsBatch, StatsPacket, StatsTimers, StatsType } from "./packet.ts";
import { SubscriptionSum } from "./subscription_sum.ts";
import { TrafficSum } from "./traffic.ts";

export interface HandlerStatsSettings {
  /** `stats_subscription_ttl`. */
  readonly subscriptionTtlSeconds: number;
  /** `stats_report_interval`; 0 for no reports. */
  readonly reportIntervalSeconds: number;
  /** `message_block_size`; undefined counts no blocks. */
  readonly blockBytes?: number | undefined;
}

export interface HandlerStatsOptions {
  readonly timers: StatsTimers;
  readonly settings: HandlerStatsSettings;
  /** Told what proxies have to collect, whenever that changes. */
  readonly onWanted: (types: readonly StatsType[]) => void;
  /** Milliseconds, monotonic; tests bring their own. */
  readonly now?: () => number;
}

/** The formats by the modes of those who get them. */
const FORMATS: Readonly<Record<"response" | "stream" | "ws", FormatName>> = {
  response: "http-response",
  stream: "http-stream",
  ws: "ws-message",
};
const MODES = Object.keys(FORMATS) as readonly (keyof typeof FORMATS)[];

export class HandlerStats {
  readonly #options: HandlerStatsOptions;
  readonly #now: () => number;
  #settings: HandlerStatsSettings;
  /** As subscribers want it. */
  #types: readonly StatsType[] = [];
  /** What of it there is to have. */
  #wanted: ReadonlySet<StatsType> = new Set();
  #send: (packets: readonly StatsPacket[]) => void = () => {};
  #subscriptions: SubscriptionSum;
  readonly #traffic = new TrafficSum();
  #reportedMs = 0;
  /** The series of reports that goes on; one that was begun before does not. */
  #reporting: object | undefined;

  constructor(options: HandlerStatsOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#now = options.now ?? (() => performance.now());
    this.#subscriptions = this.#newSubscriptions();
  }

  /** Where packets go. */
  watch(send: (packets: readonly StatsPacket[]) => void): void {
    this.#send = send;
  }

  /** Takes new settings; what is told already is told anew. */
  configure(settings: HandlerStatsSettings): void {
    const before = this.#settings;
    this.#settings = settings;
    if (JSON.stringify(before) === JSON.stringify(settings)) return;
    const types = this.#types;
    this.want([]);
    this.#subscriptions = this.#newSubscriptions();
    this.want(types);
  }

  /** The types that have subscribers from now on. */
  want(types: readonly StatsType[]): void {
    this.#types = types;
    const { reportIntervalSeconds } = this.#settings;
    const wanted = new Set(types.filter((type) => type !== "report" || reportIntervalSeconds > 0));
    const changed = this.#ofProxies(wanted).join() !== this.#ofProxies(this.#wanted).join();
    this.#wanted = wanted;
    if (!wanted.has("sub")) this.#subscriptions.clear();
    if (!wanted.has("report")) {
      this.#reporting = undefined;
      this.#traffic.clear();
    } else if (this.#reporting === undefined) {
      this.#reportedMs = this.#now();
      this.#reportLater(this.#reporting = {});
    }
    if (changed) this.#options.onWanted(this.#ofProxies(wanted));
  }

  /** An item has been published, and so many got it. */
  published(item: PublishItem, receivers: Readonly<Record<"response" | "stream" | "ws", number>>): void {
    if (this.#wanted.size === 0) return;
    const { blockBytes } = this.#settings;
    if (this.#wanted.has("report")) {
      // Items know no route; those without an id stand for all.
      this.#traffic.count("received", 1);
      this.#traffic.count("blocks-received", receivedBlocks(item, blockBytes) ?? 0);
    }
    if (!this.#wanted.has("message")) return;
    const packets: StatsPacket[] = [];
    for (const mode of MODES) {
      const count = receivers[mode];
      if (count === 0) continue;
      const transport = FORMATS[mode];
      const blocks = itemBlocks(item, transport, blockBytes);
      packets.push({
        type: "message",
        fields: {
          channel: item.channel,
          ...(item.id !== undefined && { "item-id": item.id }),
          count,
          ...(blocks !== undefined && { blocks: blocks * count }),
          transport,
        },
      });
    }
    if (packets.length > 0) this.#send(packets);
  }

  /** What a proxy tells. */
  batch(proxy: object, { packets, subscriptions, traffic }: StatsBatch): void {
    const wanted = packets.filter(({ type }) => this.#wanted.has(type));
    if (wanted.length > 0) this.#send(wanted);
    if (subscriptions !== undefined && this.#wanted.has("sub")) this.#subscriptions.add(proxy, subscriptions);
    if (traffic === undefined || !this.#wanted.has("report")) return;
    for (const route of traffic) this.#traffic.add(proxy, route);
  }

  /** A proxy is gone, and its clients with it. */
  gone(proxy: object): void {
    this.#subscriptions.gone(proxy);
    this.#traffic.gone(proxy);
  }

  #newSubscriptions(): SubscriptionSum {
    return new SubscriptionSum({
      timers: this.#options.timers,
      now: this.#now,
      ttlSeconds: this.#settings.subscriptionTtlSeconds,
      send: (packets) => this.#send(packets),
    });
  }

  /** Messages are counted here. */
  #ofProxies(types: ReadonlySet<StatsType>): readonly StatsType[] {
    return [...types].filter((type) => type !== "message").sort();
  }

  #reportLater(reporting: object): void {
    const { reportIntervalSeconds, blockBytes } = this.#settings;
    this.#options.timers.set(reportIntervalSeconds * 1000, () => {
      if (this.#reporting !== reporting) return;
      const now = this.#now();
      const packets = this.#traffic.take(now - this.#reportedMs, blockBytes !== undefined);
      this.#reportedMs = now;
      if (packets.length > 0) this.#send(packets);
      this.#reportLater(reporting);
    });
  }
}
