/**
 * Who listens to what, in one proxy. Two views of one truth: this proxy's sessions by channel and mode, and the interest
 * that the handler is told of, which is a channel's first and last subscriber only. A handler that goes away takes
 * nothing with it: subscriptions stay, and the next one is told all of them, with the last ids that were seen here.
 */
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import { describeError } from "../../errors.ts";
import { IdCache } from "../../grip/id_cache.ts";
import type { PublishItem } from "../../grip/publish_item.ts";
import type { LinkEnd } from "../link/link.ts";
import type {
  DownMessage,
  Receipt,
  StatsBatch,
  StatsType,
  SubscriptionMode,
  UpMessage,
} from "../link/messages.ts";
import type { SubscriptionCount } from "../stats/packet.ts";
import { type Channel, FORMAT_OF, MODES, newChannel, NOBODY } from "./channel.ts";
import { Deliveries } from "./deliveries.ts";
import type { HubLimits, HubOptions, SubscriptionWatch } from "./hub_options.ts";
import type { Subscriber } from "./subscriber.ts";
import { TimerWheel } from "./timer_wheel.ts";

export class Hub implements Disposable {
  readonly timers: TimerWheel;
  readonly #channels = new Map<string, Channel>();
  readonly #log: Log;
  readonly #metrics: Metrics;
  #lingerMs = 0;
  readonly #ids = new IdCache({ ttlMs: 0 });
  readonly #deliveries: Deliveries;
  #link: LinkEnd<UpMessage, DownMessage> | undefined;
  #watch: SubscriptionWatch | undefined;
  #statsWanted: ((types: readonly StatsType[]) => void) | undefined;
  #connections: ((ids: readonly string[]) => readonly string[]) | undefined;

  constructor(options: HubOptions) {
    this.#log = options.log;
    this.#metrics = options.metrics;
    this.timers = new TimerWheel({
      onError: (thrown) => this.#log.error("timer failed", { reason: describeError(thrown) }),
    });
    this.#deliveries = new Deliveries(this.#log, this.timers);
    this.configure(options);
  }

  /** Takes new limits; what waits under the old ones still goes out. */
  configure(limits: HubLimits): void {
    this.#lingerMs = (limits.lingerSeconds ?? 60) * 1000;
    this.#ids.ttlMs = (limits.idCacheTtlSeconds ?? 60) * 1000;
    this.#deliveries.configure(limits);
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  subscriberCount(channel: string, mode: SubscriptionMode): number {
    return this.#channels.get(channel)?.subscribers[mode].size ?? 0;
  }

  /** Who is told of subscriptions; one at a time. */
  watchSubscriptions(watch: SubscriptionWatch): void {
    this.#watch = watch;
  }

  /** Who collects what the handler can use of statistics: nothing, while there is none. */
  collectStats(wanted: (types: readonly StatsType[]) => void): void {
    this.#statsWanted = wanted;
  }

  /** Everything that `watchSubscriptions` has told and that has not ended. */
  *subscriptions(): Iterable<SubscriptionCount> {
    for (const { name, subscribers, linger } of this.#channels.values()) {
      for (const mode of MODES) {
        const { size } = subscribers[mode];
        if (size > 0 || (mode === "response" && linger !== undefined)) {
          yield { mode, channel: name, subscribers: size };
        }
      }
    }
  }

  /** Who knows which connections are open here, for conncheck (spec 3.5). */
  answerConnections(connected: (ids: readonly string[]) => readonly string[]): void {
    this.#connections = connected;
  }

  /** Takes the way to the handler, new or again: every channel is announced on it. */
  attach(link: LinkEnd<UpMessage, DownMessage>): void {
    this.#link = link;
    link.receive((message) => this.#receive(message));
    void link.closed.then(() => {
      if (this.#link !== link) return;
      this.#link = undefined;
      this.#statsWanted?.([]);
    });
    for (const channel of this.#channels.values()) this.#announce(channel);
  }

  /**
   * Adds a session to a channel (prefixed name). `subscriber.subscribed` is called before this returns where the last
   * id is known, else when the handler answers.
   */
  subscribe(name: string, mode: SubscriptionMode, subscriber: Subscriber): void {
    let channel = this.#channels.get(name);
    const isNew = channel === undefined;
    if (channel === undefined) {
      channel = newChannel(name);
      this.#channels.set(name, channel);
    }
    const subscribers = channel.subscribers[mode];
    subscribers.add(subscriber);
    if (mode === "response" && channel.linger !== undefined) {
      this.timers.clear(channel.linger);
      channel.linger = undefined;
    }
    this.#watch?.(mode, name, subscribers.size);
    if (isNew) this.#announce(channel);
    else if (channel.known) subscriber.subscribed(name, channel.lastId);
  }

  unsubscribe(name: string, mode: SubscriptionMode, subscriber: Subscriber): void {
    const channel = this.#channels.get(name);
    if (channel === undefined || !channel.subscribers[mode].delete(subscriber)) return;
    const { size } = channel.subscribers[mode];
    const lingers = mode === "response" && size === 0 && this.#lingerMs > 0;
    if (lingers) {
      channel.linger = this.timers.set(this.#lingerMs, () => {
        channel.linger = undefined;
        this.#watch?.(mode, name, undefined);
        this.#forgetIfUnused(channel);
      });
    }
    this.#watch?.(mode, name, size === 0 && !lingers ? undefined : size);
    this.#forgetIfUnused(channel);
  }

  /** The next item of the channel passes whatever its prev-id (spec 4.4). */
  forgetLastId(name: string): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    channel.lastId = undefined;
    this.#send({ type: "forget", channel: name });
  }

  /** Sends statistics up; lost, and nobody minds, while there is no handler. */
  report(batch: StatsBatch): void {
    this.#send({ type: "stats", ...batch });
  }

  /** Gives an item to the channel's sessions and says what became of it. */
  deliver(item: PublishItem): Receipt {
    const channel = this.#channels.get(item.channel);
    if (channel === undefined) return NOBODY;
    if (item.id !== undefined && this.#ids.seen(item.channel, item.id, performance.now())) {
      this.#metrics.add("items_dropped", "duplicate");
      return NOBODY;
    }
    const matchedByMode = { response: 0, stream: 0, ws: 0 };
    channel.known = true;
    if (!item.noSeq) channel.lastId = item.id;
    const dropped: Record<string, number> = {};
    let matched = 0;
    for (const mode of MODES) {
      const subscribers = channel.subscribers[mode];
      if (subscribers.size === 0 || item.formats[FORMAT_OF[mode]] === undefined) continue;
      let count = 0;
      // A set may shrink under its own iteration: a long-poll that is served unsubscribes on the spot.
      for (const subscriber of subscribers) {
        count++;
        const verdict = this.#deliveries.offer(subscriber, subscribers, item);
        if (verdict !== "sent" && verdict !== "queued") dropped[verdict] = (dropped[verdict] ?? 0) + 1;
      }
      matchedByMode[mode] = count;
      matched += count;
    }
    this.#metrics.add("deliveries", "", matched);
    return { matched, matchedByMode, dropped };
  }

  [Symbol.dispose](): void {
    this.timers[Symbol.dispose]();
    this.#channels.clear();
  }

  #receive(message: DownMessage): void {
    switch (message.type) {
      case "item": {
        const receipt = this.deliver(message.item);
        this.#send({ type: "receipt", seq: message.seq, receipt });
        return;
      }
      case "subscribed":
        return this.#subscribed(message.channel, message.lastId);
      case "update":
        return this.#each(message.channel, (s, channel) => s.update(channel));
      case "recover":
        for (const channel of this.#channels.values()) channel.lastId = undefined;
        for (const subscriber of this.#everyone()) this.#guard(subscriber, () => subscriber.recover());
        return;
      case "refresh":
        if (message.by === "channel") this.#each(message.value, (s) => s.refresh?.());
        else {for (const s of this.#everyone()) {
            if (s.id === message.value) {
              this.#guard(s, () => s.refresh?.());
            }
          }}
        return;
      case "conncheck":
        this.#send({ type: "connections", ask: message.ask, ids: this.#connections?.(message.ids) ?? [] });
        return;
      case "want-stats":
        return this.#statsWanted?.(message.types);
      case "hello":
        return;
    }
  }

  #subscribed(name: string, lastId: string | undefined): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    // Where it is known, the link was lost and came back: what was published in between may never have come here, and
    // the same id says nothing about that. Sessions that follow ids are told a second time, and ask their origin.
    const latest = channel.known ? lastId ?? channel.lastId : lastId;
    channel.known = true;
    channel.lastId = latest;
    this.#each(name, (subscriber) => subscriber.subscribed(name, latest));
  }

  #announce(channel: Channel): void {
    this.#send({ type: "subscribe", channel: channel.name, lastId: channel.lastId });
  }

  #forgetIfUnused(channel: Channel): void {
    if (channel.linger !== undefined) return;
    for (const mode of MODES) if (channel.subscribers[mode].size > 0) return;
    if (this.#channels.delete(channel.name)) this.#send({ type: "unsubscribe", channel: channel.name });
  }

  /** All sessions, once each. */
  #everyone(): ReadonlySet<Subscriber> {
    const all = new Set<Subscriber>();
    for (const channel of this.#channels.values()) {
      for (const mode of MODES) for (const subscriber of channel.subscribers[mode]) all.add(subscriber);
    }
    return all;
  }

  #each(name: string, act: (subscriber: Subscriber, channel: string) => void): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    for (const mode of MODES) {
      for (const subscriber of [...channel.subscribers[mode]]) {
        this.#guard(subscriber, () => act(subscriber, name));
      }
    }
  }

  #guard(subscriber: Subscriber, act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#log.error("session failed", { connection: subscriber.id, reason: describeError(thrown) });
    }
  }

  /** Interest that cannot be sent is no loss: the next `attach` announces everything anew. */
  #send(message: UpMessage): void {
    this.#link?.send(message).catch((thrown) =>
      this.#log.debug("link down", { reason: describeError(thrown) })
    );
  }
}
