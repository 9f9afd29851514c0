/**
 * The real hub, handler, sequencer, sessions and holds in a world where everything goes wrong that may: the handler dies,
 * the link to it breaks, publishes are lost, late, doubled and turned round, next links fail and race with publishes,
 * clients leave. What must hold: every client that stays sees every item exactly once and in order, and all of them a
 * minute after the trouble has ended.
 *
 * Every fourth world is calm: nothing is lost there, and clients without ids, which nobody can help but the sequencer,
 * must see every item once and in order, however publishes were delayed and turned round.
 */
import { Metrics } from "../../src/metrics.ts";
import { silentLog } from "../../src/log.ts";
import type { PublishItem } from "../../src/grip/publish_item.ts";
import { Handler } from "../../src/server/control/ingest.ts";
import { Hub } from "../../src/server/hub/hub.ts";
import type { DownMessage, UpMessage } from "../../src/server/link/messages.ts";
import { SessionKeeper } from "../../src/server/proxy/hold_keeper.ts";
import { one } from "../helpers/route_lines.ts";
import { Backend } from "./backend.ts";
import { type Client, PlainClient, PollClient, StreamClient, type Surroundings } from "./clients.ts";
import { createLossyLink, type LossyLink } from "./lossy_link.ts";
import { World } from "./virtual_world.ts";

/** How long things go wrong, and how long they then may take to be right again. */
const TROUBLE_MS = 30_000;
const RECOVERY_MS = 60_000;
const CHANNELS = ["a", "b", "c"];

export interface Outcome {
  readonly seed: number;
  /** Undefined where everything held. */
  readonly violation: string | undefined;
  /** What happened in this world, so that a run can be seen to have tried something. */
  readonly counts: {
    readonly items: number;
    readonly asked: number;
    readonly clients: number;
    readonly gaps: number;
  };
}

/** Runs one world; the same seed gives the same world. */
export async function simulate(seed: number): Promise<Outcome> {
  const world = new World(seed);
  using _entered = world.enter();
  const simulation = new Simulation(world, seed % 4 === 0);
  return { seed, ...await simulation.run() };
}

/** One proxy process: its hub, its sessions, its way to the handler. */
interface Proxy {
  readonly hub: Hub;
  readonly around: Surroundings;
  link: LossyLink<UpMessage, DownMessage> | undefined;
}

class Simulation {
  readonly #world: World;
  readonly #calm: boolean;
  readonly #metrics = new Metrics();
  readonly #backend: Backend;
  readonly #clients: Client[] = [];
  readonly #proxies: readonly Proxy[];
  #handler: Handler | undefined;
  #items = 0;

  constructor(world: World, calm: boolean) {
    this.#world = world;
    this.#calm = calm;
    this.#backend = new Backend(world);
    this.#backend.shaky = !calm;
    this.#proxies = Array.from({ length: world.random.int(1, 4) }, () => this.#newProxy());
  }

  #newProxy(): Proxy {
    const metrics = this.#metrics;
    const hub = new Hub({ log: silentLog, metrics });
    const settings = { clientQueueBytes: 1_048_576, connectionSubscriptionMax: 20, debug: false };
    const atTurnEnd = (act: () => void) => this.#world.after(0, act);
    const keeper = new SessionKeeper({ hub, log: silentLog, metrics, settings: () => settings, atTurnEnd });
    const route = one("* localhost:80");
    return { hub, around: { world: this.#world, keeper, backend: this.#backend, route }, link: undefined };
  }

  async run(): Promise<Omit<Outcome, "seed">> {
    const world = this.#world;
    this.#startHandler();
    for (const proxy of this.#proxies) this.#connect(proxy);
    this.#letClientsCome();
    for (const channel of this.#calm ? ["plain"] : CHANNELS) this.#publishOn(channel);
    if (!this.#calm) {
      this.#breakLinks();
      this.#killHandlers();
      this.#hintAndRecover();
    }
    world.after(TROUBLE_MS, () => this.#calmDown());
    let violation: string | undefined;
    try {
      await world.run(TROUBLE_MS + RECOVERY_MS, () => this.#check());
      violation = this.#incomplete();
    } catch (thrown) {
      violation = thrown instanceof Error ? thrown.message : String(thrown);
    }
    const counts = {
      items: this.#items,
      asked: this.#backend.asked,
      clients: this.#clients.length,
      gaps: this.#metrics.get("holds_ended", "handed-back"),
    };
    for (const client of this.#clients) client.leave();
    await world.run(world.nowMs + 2000, () => {});
    this.#handler?.[Symbol.dispose]();
    for (const { hub } of this.#proxies) hub[Symbol.dispose]();
    return { violation, counts };
  }

  #check(): void {
    for (const client of this.#clients) if (client.violation !== undefined) throw new Error(client.violation);
  }

  /** Who stayed and has not everything. */
  #incomplete(): string | undefined {
    for (const client of this.#clients) {
      if (client.left) continue;
      for (const [channel, n] of client.cursors) {
        const newest = this.#backend.newest.get(channel) ?? 0;
        if (n !== newest) return `${client.name} has ${channel}:${n} at the end, newest is ${newest}`;
      }
    }
    return undefined;
  }

  #startHandler(): void {
    const updateOnFirstSubscription = this.#world.random.chance(0.7);
    this.#handler = new Handler({ log: silentLog, metrics: this.#metrics, updateOnFirstSubscription });
  }

  #connect(proxy: Proxy): void {
    if (this.#handler === undefined || proxy.link !== undefined) return;
    const link = createLossyLink<UpMessage, DownMessage>(this.#world);
    proxy.link = link;
    this.#handler.attach(link.handlerEnd);
    proxy.hub.attach(link.proxyEnd);
  }

  #cutLink(proxy: Proxy): void {
    proxy.link?.cut();
    proxy.link = undefined;
  }

  #breakLinks(): void {
    const { random } = this.#world;
    for (let i = random.int(5); i > 0; i--) {
      const proxy = random.pick(this.#proxies);
      this.#world.after(random.int(TROUBLE_MS), () => {
        this.#cutLink(proxy);
        this.#world.after(this.#world.between(1, 4000), () => this.#connect(proxy));
      });
    }
  }

  #killHandlers(): void {
    const { random } = this.#world;
    for (let i = random.int(3); i > 0; i--) {
      this.#world.after(random.int(TROUBLE_MS), () => {
        for (const proxy of this.#proxies) this.#cutLink(proxy);
        this.#handler?.[Symbol.dispose]();
        this.#handler = undefined;
        this.#world.after(this.#world.between(1, 3000), () => {
          if (this.#handler === undefined) this.#startHandler();
          for (const proxy of this.#proxies) {
            this.#world.after(this.#world.between(0, 1000), () => this.#connect(proxy));
          }
        });
      });
    }
  }

  #hintAndRecover(): void {
    const { random } = this.#world;
    for (let i = random.int(4); i > 0; i--) {
      const channel = random.pick(CHANNELS);
      this.#world.after(random.int(TROUBLE_MS), () => {
        if (random.chance(0.3)) return this.#handler?.recover();
        this.#publish(hint(channel), 0);
      });
    }
  }

  #calmDown(): void {
    this.#backend.shaky = false;
    if (this.#handler === undefined) this.#startHandler();
    for (const proxy of this.#proxies) this.#connect(proxy);
  }

  #letClientsCome(): void {
    const { random } = this.#world;
    const count = random.int(2, 9);
    for (let i = 0; i < count; i++) {
      const client = this.#newClient(i);
      this.#clients.push(client);
      this.#world.after(this.#calm ? random.int(500) : random.int(TROUBLE_MS / 2), () => void client.run());
      if (random.chance(0.25)) this.#world.after(random.int(TROUBLE_MS), () => client.leave());
    }
  }

  #newClient(i: number): Client {
    const { random } = this.#world;
    const { around } = random.pick(this.#proxies);
    if (this.#calm) return new PlainClient(`plain-${i}`, around);
    const client = random.chance(0.5)
      ? new StreamClient(`stream-${i}`, around)
      : new PollClient(`poll-${i}`, around);
    for (const channel of CHANNELS) if (random.chance(0.6)) client.cursors.set(channel, 0);
    if (client.cursors.size === 0) client.cursors.set("a", 0);
    return client;
  }

  /** Items come singly and in bursts. In a calm world the first one comes alone: the sequencer knows no order before it. */
  #publishOn(channel: string): void {
    const { random } = this.#world;
    let atMs = 1000;
    if (this.#calm) {
      this.#world.after(atMs, () => this.#publish(this.#backend.create(channel), 0));
      atMs += 6000;
    }
    while (atMs < TROUBLE_MS - 6000) {
      for (let burst = random.chance(0.2) ? random.int(2, 12) : 1; burst > 0; burst--) {
        this.#world.after(atMs, () => this.#publishUnreliably(this.#backend.create(channel)));
      }
      atMs += random.chance(0.5) ? random.int(300) : random.int(6000);
    }
  }

  #publishUnreliably(item: PublishItem): void {
    const { random } = this.#world;
    const lateMs = random.chance(0.2) ? random.int(3000) : random.int(50);
    const lost = !this.#calm && random.chance(0.05);
    if (!lost) this.#publish(item, lateMs);
    if (random.chance(0.15)) this.#publish(item, lateMs + random.int(2000));
  }

  #publish(item: PublishItem, delayMs: number): void {
    this.#world.after(delayMs, () => {
      this.#items++;
      void this.#handler?.ingest([item]);
    });
  }
}

/** Says that there is something new, and not what. */
function hint(channel: string): PublishItem {
  const formats = { "http-stream": { action: "hint" }, "http-response": { action: "hint" } } as const;
  return { channel, formats, meta: new Map(), noSeq: true };
}
