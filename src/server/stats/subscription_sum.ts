/** Who listens to what, over all proxies, and the sub packets that say so. */
import type { StatsPacket, StatsTimers, SubscriptionCount } from "./packet.ts";
import { Refreshes } from "./refreshes.ts";

export interface SubscriptionSumOptions {
  readonly timers: StatsTimers;
  readonly now: () => number;
  readonly ttlSeconds: number;
  readonly send: (packets: readonly StatsPacket[]) => void;
}

interface Sum {
  readonly mode: SubscriptionCount["mode"];
  readonly channel: string;
  /** By proxy. */
  readonly subscribers: Map<object, number>;
}

export class SubscriptionSum {
  readonly #options: SubscriptionSumOptions;
  readonly #sums = new Map<string, Sum>();
  readonly #refreshes: Refreshes;

  constructor(options: SubscriptionSumOptions) {
    this.#options = options;
    this.#refreshes = new Refreshes({
      timers: options.timers,
      now: options.now,
      periodMs: options.ttlSeconds * 750,
      refresh: (key) => options.send([this.#packetOf(this.#sums.get(key)!)]),
    });
  }

  /** What has changed in a proxy. A first subscriber and a last one's end are told at once, numbers when it is time. */
  add(proxy: object, counts: readonly SubscriptionCount[]): void {
    const packets: StatsPacket[] = [];
    for (const { mode, channel, subscribers, gone } of counts) {
      const key = `${mode} ${channel}`;
      if (gone === true) {
        packets.push(...this.#leave(proxy, key));
        continue;
      }
      let sum = this.#sums.get(key);
      const isNew = sum === undefined;
      if (sum === undefined) this.#sums.set(key, sum = { mode, channel, subscribers: new Map() });
      sum.subscribers.set(proxy, subscribers);
      if (!isNew) continue;
      this.#refreshes.add(key);
      packets.push(this.#packetOf(sum));
    }
    if (packets.length > 0) this.#options.send(packets);
  }

  gone(proxy: object): void {
    const packets = [...this.#sums.keys()].flatMap((key) => this.#leave(proxy, key));
    if (packets.length > 0) this.#options.send(packets);
  }

  /** Forgets all, and tells nobody. */
  clear(): void {
    this.#sums.clear();
    this.#refreshes.clear();
  }

  #leave(proxy: object, key: string): readonly StatsPacket[] {
    const sum = this.#sums.get(key);
    if (sum === undefined || !sum.subscribers.delete(proxy) || sum.subscribers.size > 0) return [];
    this.#sums.delete(key);
    this.#refreshes.delete(key);
    const { mode, channel } = sum;
    return [{ type: "sub", fields: { mode, channel, unavailable: true } }];
  }

  #packetOf({ mode, channel, subscribers: byProxy }: Sum): StatsPacket {
    let subscribers = 0;
    for (const count of byProxy.values()) subscribers += count;
    return { type: "sub", fields: { mode, channel, ttl: this.#options.ttlSeconds, subscribers } };
  }
}
