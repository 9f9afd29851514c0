/**
 * Hubs and a handler over real links against a model that has no links: random interest, publishes and broken
 * connections. Where everything has settled before a publish, deliveries equal the model's, one for one. Where nothing
 * is waited for, what is delivered is in order, never twice, never unasked for, and only a break explains a loss.
 */
import { assert, assertEquals } from "@std/assert";
import { silentLog } from "../../src/log.ts";
import { Metrics } from "../../src/metrics.ts";
import { Handler } from "../../src/server/control/ingest.ts";
import { Hub } from "../../src/server/hub/hub.ts";
import type { Subscriber } from "../../src/server/hub/subscriber.ts";
import type { LinkEnd, LinkTiming } from "../../src/server/link/link.ts";
import { LinkConnector } from "../../src/server/link/link_connector.ts";
import { LinkListener } from "../../src/server/link/link_listener.ts";
import type { DownMessage, UpMessage } from "../../src/server/link/messages.ts";
import { streamItem } from "../helpers/publish_items.ts";
import { Random } from "../helpers/random.ts";
import { eventually, within } from "../helpers/wait.ts";

const TIMING: Partial<LinkTiming> = { retryMinMs: 1, retryMaxMs: 4 };
const CHANNELS = ["a", "b", "c", "d"] as const;
const PROXIES = 3;

class Session implements Subscriber {
  readonly id: string;
  readonly got: string[] = [];
  readonly known = new Set<string>();

  constructor(id: string) {
    this.id = id;
  }

  subscribed(channel: string): void {
    this.known.add(channel);
  }

  item(_channel: string, item: Parameters<Subscriber["item"]>[1]): string {
    const stream = item.formats["http-stream"];
    if (stream?.action === "send") this.got.push(new TextDecoder().decode(stream.content));
    return "sent";
  }

  update(): void {}
  recover(): void {}
}

interface Proxy {
  readonly hub: Hub;
  readonly connector: LinkConnector;
  end: LinkEnd<UpMessage, DownMessage> | undefined;
  /** By channel; a session is on one channel. */
  readonly sessions: Map<string, Session[]>;
}

class World implements AsyncDisposable {
  readonly handler = new Handler({
    log: silentLog,
    metrics: new Metrics(),
    updateOnFirstSubscription: false,
  });
  readonly proxies: Proxy[] = [];
  readonly everySession: { readonly session: Session; readonly channel: string }[] = [];
  #listener!: LinkListener;
  #dir = "";
  #count = 0;

  static async open(): Promise<World> {
    const world = new World();
    world.#dir = await Deno.makeTempDir();
    const address = { transport: "unix", path: `${world.#dir}/link` } as const;
    world.#listener = await LinkListener.listen({
      address,
      name: "handler",
      log: silentLog,
      timing: TIMING,
      onConnected: (end) => world.handler.attach(end),
    });
    for (let i = 0; i < PROXIES; i++) {
      const hub = new Hub({ log: silentLog, metrics: new Metrics(), lingerSeconds: 0 });
      const proxy: Proxy = {
        hub,
        end: undefined,
        sessions: new Map(CHANNELS.map((channel) => [channel, []])),
        connector: new LinkConnector({
          address,
          name: `proxy ${i}`,
          log: silentLog,
          timing: TIMING,
          onConnected: (end) => {
            hub.attach(end);
            proxy.end = end;
          },
        }),
      };
      world.proxies.push(proxy);
    }
    await world.settled();
    return world;
  }

  subscribe(proxy: Proxy, channel: string): void {
    const session = new Session(String(this.#count++));
    proxy.sessions.get(channel)?.push(session);
    this.everySession.push({ session, channel });
    proxy.hub.subscribe(channel, "stream", session);
  }

  unsubscribe(proxy: Proxy, channel: string): void {
    const session = proxy.sessions.get(channel)?.pop();
    if (session !== undefined) proxy.hub.unsubscribe(channel, "stream", session);
  }

  /** Cuts a proxy's link from below, as a network does; it is joined again by itself. */
  async cut(proxy: Proxy): Promise<void> {
    const { end } = proxy;
    if (end === undefined) return;
    await end[Symbol.asyncDispose]();
  }

  /** Everybody joined, and everything said so far heard: an answer on an ordered link comes behind it. */
  async settled(): Promise<void> {
    await eventually(() =>
      this.handler.proxyCount === PROXIES && this.proxies.every(({ connector }) => connector.connected)
    );
    await within(this.handler.conncheck(["nobody"]), "every proxy's answer");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { hub, connector } of this.proxies) {
      await connector[Symbol.asyncDispose]();
      hub[Symbol.dispose]();
    }
    await this.#listener[Symbol.asyncDispose]();
    this.handler[Symbol.dispose]();
    await Deno.remove(this.#dir, { recursive: true });
  }
}

Deno.test("Link delivers exactly what a model without links delivers, through interest changes and broken links", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new Random(seed);
    await using world = await World.open();
    const model = new Map<Session, string[]>();
    let text = 0;
    for (let step = 0; step < 40; step++) {
      const proxy = random.pick(world.proxies);
      const channel = random.pick(CHANNELS);
      const what = random.next();
      if (what < 0.35) world.subscribe(proxy, channel);
      else if (what < 0.55) world.unsubscribe(proxy, channel);
      else if (what < 0.65) await world.cut(proxy);
      else {
        await world.settled();
        const listening = world.proxies.flatMap(({ sessions }) => sessions.get(channel) ?? []);
        const items = Array.from({ length: random.int(1, 6) }, () => streamItem(channel, `${text++}`));
        const outcomes = await world.handler.ingest(items);
        const receipts = await within(Promise.all(outcomes.map(({ receipt }) => receipt)), "the receipts");
        assertEquals(
          receipts.map(({ matched }) => matched),
          items.map(() => listening.length),
          `seed ${seed}`,
        );
        for (const session of listening) {
          const expected = model.get(session) ?? [];
          model.set(session, expected);
          expected.push(...items.map((_, i) => `${text - items.length + i}`));
        }
      }
    }
    await world.settled();
    for (const { session } of world.everySession) {
      assertEquals(session.got, model.get(session) ?? [], `seed ${seed}`);
    }
    for (const { session, channel } of world.everySession) {
      const stays = world.proxies.some(({ sessions }) => sessions.get(channel)?.includes(session));
      if (stays) assert(session.known.has(channel), `seed ${seed}: told of its subscription`);
    }
  }
});

Deno.test("Link keeps order, repeats nothing and loses only to a break, when nobody waits for anything", async () => {
  for (let seed = 100; seed < 112; seed++) {
    const random = new Random(seed);
    await using world = await World.open();
    // These stay: without a break they miss nothing at all.
    for (const proxy of world.proxies) for (const channel of CHANNELS) world.subscribe(proxy, channel);
    await world.settled();
    const steady = world.everySession.slice();
    const withBreaks = seed % 2 === 0;
    const published = new Map<string, string[]>(CHANNELS.map((channel) => [channel, []]));
    const publishing: Promise<unknown>[] = [];
    let text = 0;
    for (let step = 0; step < 200; step++) {
      const proxy = random.pick(world.proxies);
      const channel = random.pick(CHANNELS);
      const what = random.next();
      if (what < 0.15) world.subscribe(proxy, channel);
      else if (what < 0.25 && (proxy.sessions.get(channel)?.length ?? 0) > 1) {
        world.unsubscribe(proxy, channel);
      } else if (what < 0.27 && withBreaks) void world.cut(proxy);
      else {
        published.get(channel)?.push(`${text}`);
        publishing.push(world.handler.ingest([streamItem(channel, `${text++}`)]));
      }
      if (random.chance(0.2)) await new Promise<void>((resolve) => setTimeout(resolve, 0));
    }
    await within(Promise.all(publishing), "the publishes");
    await world.settled();
    for (const { session, channel } of world.everySession) {
      const numbers = session.got.map(Number);
      assertEquals(
        numbers,
        [...new Set(numbers)].sort((a, b) => a - b),
        `seed ${seed}: in order, none twice`,
      );
      const all = new Set(published.get(channel));
      assert(session.got.every((got) => all.has(got)), `seed ${seed}: of its own channel only`);
    }
    if (withBreaks) continue;
    for (const { session, channel } of steady) {
      assertEquals(session.got, published.get(channel), `seed ${seed}`);
    }
  }
});
