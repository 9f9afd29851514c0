/**
 * The one door for everything that is published, whatever brought it: de-duplicate, put in order, hand to every proxy
 * that is interested. An item is acknowledged when it is out of this process's hands, so that our death cannot lose
 * what a publisher was told is published.
 */
import type { PublishItem } from "../../grip/publish_item.ts";
import { IdCache } from "../../grip/id_cache.ts";
import { Sequencer } from "../../grip/sequencer.ts";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import { TimerWheel } from "../hub/timer_wheel.ts";
import { describeError } from "../../errors.ts";
import type { LinkEnd } from "../link/link.ts";
import type { DownMessage, Receipt, StatsBatch, StatsType, UpMessage } from "../link/messages.ts";
import { AnnouncedIds } from "./announced_ids.ts";
import { Connchecks } from "./connchecks.ts";
import type { Ingest, Outcome } from "./door.ts";
import { NO_RECEIPT, Receipts } from "./receipts.ts";

export type { Ingest, Outcome } from "./door.ts";

/** Who makes statistics of what happens here. */
export interface StatsWatch {
  /** `receivers`: sessions that it was for, by mode. */
  published(item: PublishItem, receivers: Receipt["matchedByMode"]): void;
  batch(proxy: object, batch: StatsBatch): void;
  gone(proxy: object): void;
}

export interface HandlerLimits {
  /** How long an item waits for its predecessor, default 5000. */
  readonly messageWaitMs?: number;
  /** How long an id is remembered, default 60; 0 for not at all. */
  readonly idCacheTtlSeconds?: number;
  /** Whether a channel's first sessions ask their origin again (spec 4.6), default true. */
  readonly updateOnFirstSubscription?: boolean;
}

export interface HandlerOptions extends HandlerLimits {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly now?: () => number;
}

type ProxyEnd = LinkEnd<DownMessage, UpMessage>;

interface Proxy {
  readonly end: ProxyEnd;
  readonly channels: Set<string>;
}

/** How long after a channel's first subscription its sessions ask again (spec 4.6). */
const FIRST_SUBSCRIPTION_MS = 1000;
/** How often parked items are looked at (spec 4.3). */
const PARKED_SWEEP_MS = 1000;

export class Handler implements Ingest, Disposable {
  readonly timers: TimerWheel;
  #limits: HandlerLimits;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #now: () => number;
  readonly #proxies = new Set<Proxy>();
  readonly #interest = new Map<string, Set<Proxy>>();
  readonly #ids: IdCache;
  readonly #sequencer: Sequencer;
  readonly #announced = new AnnouncedIds();
  readonly #receipts: Receipts;
  readonly #connchecks: Connchecks;
  #seq = 0;
  #sweeping = false;
  #interestWatch: ((channel: string, wanted: boolean) => void) | undefined;
  #statsWatch: StatsWatch | undefined;
  #wantedStats: readonly StatsType[] = [];

  constructor(options: HandlerOptions) {
    this.#limits = options;
    this.#log = options.log;
    this.#metrics = options.metrics;
    this.#now = options.now ?? (() => performance.now());
    this.timers = new TimerWheel({
      onError: (thrown) => this.#log.error("timer failed", { reason: describeError(thrown) }),
    });
    this.#ids = new IdCache({ ttlMs: (options.idCacheTtlSeconds ?? 60) * 1000 });
    this.#sequencer = new Sequencer({ waitMs: options.messageWaitMs ?? 5000 });
    this.#receipts = new Receipts(this.timers, this.#now);
    this.#connchecks = new Connchecks(this.timers);
  }

  /** Takes new limits; what waits or is remembered already keeps its own. */
  configure(limits: HandlerLimits): void {
    this.#limits = limits;
    this.#ids.ttlMs = (limits.idCacheTtlSeconds ?? 60) * 1000;
    this.#sequencer.waitMs = limits.messageWaitMs ?? 5000;
  }

  get proxyCount(): number {
    return this.#proxies.size;
  }

  channels(): Iterable<string> {
    return this.#interest.keys();
  }

  /** Who is told of a channel's first and last subscriber anywhere: the SUB socket's topics. */
  watchInterest(watch: (channel: string, wanted: boolean) => void): void {
    this.#interestWatch = watch;
    for (const channel of this.#interest.keys()) watch(channel, true);
  }

  watchStats(watch: StatsWatch): void {
    this.#statsWatch = watch;
  }

  /** What the proxies collect from now on, those that are still to come as well. */
  wantStats(types: readonly StatsType[]): void {
    this.#wantedStats = types;
    this.#broadcast({ type: "want-stats", types });
  }

  /** Takes a proxy; it is forgotten, with its interest, when its link closes. */
  attach(end: ProxyEnd): void {
    const proxy: Proxy = { end, channels: new Set() };
    this.#proxies.add(proxy);
    end.receive((message) => this.#receive(proxy, message));
    if (this.#wantedStats.length > 0) {
      void this.#sendTo(proxy, { type: "want-stats", types: this.#wantedStats });
    }
    void end.closed.then(() => this.#detach(proxy));
  }

  async ingest(items: readonly PublishItem[]): Promise<readonly Outcome[]> {
    const handedOver: Promise<void>[] = [];
    const outcomes = items.map((item) => this.#take(item, handedOver));
    if (handedOver.length > 0) await Promise.all(handedOver);
    return outcomes;
  }

  recover(): void {
    this.#announced.forgetAll();
    this.#sequencer.forgetAll();
    this.#broadcast({ type: "recover" });
  }

  refresh(by: "cid" | "channel", value: string): void {
    this.#broadcast({ type: "refresh", by, value });
  }

  conncheck(ids: readonly string[]): Promise<readonly string[]> {
    if (this.#proxies.size === 0 || ids.length === 0) return Promise.resolve([]);
    const ask = ++this.#seq;
    const found = this.#connchecks.expect(ask, this.#proxies);
    this.#broadcast({ type: "conncheck", ask, ids });
    return found;
  }

  [Symbol.dispose](): void {
    this.timers[Symbol.dispose]();
  }

  #take(item: PublishItem, handedOver: Promise<void>[]): Outcome {
    const { channel, id } = item;
    this.#metrics.add("items_received");
    if (id !== undefined && this.#ids.seen(channel, id, this.#now())) {
      this.#metrics.add("items_dropped", "duplicate");
      this.#log.debug("item dropped", { channel, id, reason: "duplicate" });
      return { channel, id, status: "duplicate", receipt: Promise.resolve(NO_RECEIPT) };
    }
    const pushed = this.#sequencer.push(item, this.#now(), this.#interest.has(channel));
    if (pushed.verdict === "dropped") {
      this.#metrics.add("items_dropped", pushed.reason);
      this.#log.warn("item dropped", { channel, id, reason: pushed.reason });
      return { channel, id, status: "dropped", reason: pushed.reason, receipt: Promise.resolve(NO_RECEIPT) };
    }
    if (pushed.verdict === "parked") {
      this.#sweepLater();
      this.#log.debug("item parked", { channel, id, prev: item.prevId });
      return { channel, id, status: "parked", receipt: Promise.resolve(NO_RECEIPT) };
    }
    const receipts = pushed.released.map((released) => this.#send(released, handedOver));
    return { channel, id, status: "published", receipt: receipts[0] ?? Promise.resolve(NO_RECEIPT) };
  }

  #send(item: PublishItem, handedOver: Promise<void>[]): Promise<Receipt> {
    const interested = this.#interest.get(item.channel);
    if (interested === undefined) {
      this.#published(item, NO_RECEIPT);
      return Promise.resolve(NO_RECEIPT);
    }
    this.#announced.forget(item.channel);
    const seq = ++this.#seq;
    const { promise, resolve } = Promise.withResolvers<Receipt>();
    this.#receipts.expect(seq, item, interested, (receipt) => {
      this.#published(item, receipt);
      resolve(receipt);
    });
    const message: DownMessage = { type: "item", seq, item };
    for (const proxy of interested) handedOver.push(this.#sendTo(proxy, message));
    return promise;
  }

  /** The line and the counts of spec 9.4 and 3.6, when the receivers are known. */
  #published(item: PublishItem, receipt: Receipt): void {
    this.#metrics.add("items_published");
    this.#statsWatch?.published(item, receipt.matchedByMode);
    this.#log.info("publish", { channel: item.channel, receivers: receipt.matched });
    for (const [reason, count] of Object.entries(receipt.dropped)) {
      this.#metrics.add("deliveries_dropped", reason, count);
    }
  }

  #sendTo(proxy: Proxy, message: DownMessage): Promise<void> {
    // A proxy whose link has just closed takes its clients with it or announces itself anew.
    return proxy.end.send(message).catch((thrown) =>
      this.#log.debug("link closed while sending", { type: message.type, reason: describeError(thrown) })
    );
  }

  #broadcast(message: DownMessage): void {
    for (const proxy of this.#proxies) void this.#sendTo(proxy, message);
  }

  #receive(proxy: Proxy, message: UpMessage): void {
    switch (message.type) {
      case "subscribe":
        return this.#subscribe(proxy, message.channel, message.lastId);
      case "unsubscribe":
        return this.#unsubscribe(proxy, message.channel);
      case "forget":
        this.#announced.forget(message.channel);
        return this.#sequencer.forget(message.channel);
      case "receipt":
        return this.#receipts.answer(message.seq, proxy, message.receipt);
      case "stats":
        return this.#statsWatch?.batch(proxy, message);
      case "connections":
        return this.#connchecks.answer(message.ask, proxy, message.ids);
      case "hello":
        return;
    }
  }

  #subscribe(proxy: Proxy, channel: string, announcedId: string | undefined): void {
    proxy.channels.add(channel);
    const interested = this.#interest.get(channel);
    if (interested !== undefined) interested.add(proxy);
    else {
      this.#interest.set(channel, new Set([proxy]));
      this.#interestWatch?.(channel, true);
      if (this.#limits.updateOnFirstSubscription !== false) {
        this.timers.set(FIRST_SUBSCRIPTION_MS, () => this.#update(channel));
      }
    }
    const passedId = this.#sequencer.lastId(channel);
    const agreed = passedId !== undefined || this.#announced.hear(channel, announcedId);
    void this.#sendTo(proxy, {
      type: "subscribed",
      channel,
      lastId: passedId ?? this.#announced.get(channel),
    });
    if (!agreed) this.#update(channel);
  }

  #update(channel: string): void {
    for (const proxy of this.#interest.get(channel) ?? []) {
      void this.#sendTo(proxy, { type: "update", channel });
    }
  }

  #unsubscribe(proxy: Proxy, channel: string): void {
    proxy.channels.delete(channel);
    const interested = this.#interest.get(channel);
    if (interested === undefined || !interested.delete(proxy) || interested.size > 0) return;
    this.#interest.delete(channel);
    this.#announced.forget(channel);
    this.#metrics.add("items_dropped", "unsubscribed", this.#sequencer.clear(channel));
    this.#interestWatch?.(channel, false);
  }

  #detach(proxy: Proxy): void {
    this.#proxies.delete(proxy);
    for (const channel of [...proxy.channels]) this.#unsubscribe(proxy, channel);
    this.#receipts.gone(proxy);
    this.#connchecks.gone(proxy);
    this.#statsWatch?.gone(proxy);
  }

  /** Items whose predecessor never came go out once they have waited long enough. */
  #sweepLater(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.timers.set(PARKED_SWEEP_MS, () => {
      this.#sweeping = false;
      const handedOver: Promise<void>[] = [];
      for (const item of this.#sequencer.expire(this.#now())) void this.#send(item, handedOver);
      if (this.#sequencer.parkedCount > 0) this.#sweepLater();
    });
  }
}
