/** One suite for every kind of link: what a LinkEnd promises, over memory, a local socket and TCP. */
import { assertEquals, assertRejects } from "@std/assert";
import { silentLog } from "../../src/log.ts";
import type { LinkEnd } from "../../src/server/link/link.ts";
import { LinkConnector } from "../../src/server/link/link_connector.ts";
import { LinkListener } from "../../src/server/link/link_listener.ts";
import { createMemoryLink } from "../../src/server/link/memory_link.ts";
import type { DownMessage, UpMessage } from "../../src/server/link/messages.ts";
import type { LinkAddress } from "../../src/server/link/address.ts";
import { randomItem } from "../helpers/publish_items.ts";
import { Random } from "../helpers/random.ts";
import { within } from "../helpers/wait.ts";

interface Pair extends AsyncDisposable {
  readonly proxy: LinkEnd<UpMessage, DownMessage>;
  readonly handler: LinkEnd<DownMessage, UpMessage>;
}

async function socketPair(address: LinkAddress): Promise<Pair> {
  const joined = Promise.withResolvers<LinkEnd<DownMessage, UpMessage>>();
  const connected = Promise.withResolvers<LinkEnd<UpMessage, DownMessage>>();
  const secret = address.transport === "tcp" ? "a secret for the test" : undefined;
  const listener = await LinkListener.listen({
    address,
    name: "handler",
    secret,
    log: silentLog,
    onConnected: (end) => joined.resolve(end),
  });
  const connector = new LinkConnector({
    address: listener.address,
    name: "proxy",
    secret,
    log: silentLog,
    onConnected: (end) => connected.resolve(end),
  });
  const [handler, proxy] = await within(Promise.all([joined.promise, connected.promise]), "the link");
  return {
    handler,
    proxy,
    [Symbol.asyncDispose]: async () => {
      await connector[Symbol.asyncDispose]();
      await listener[Symbol.asyncDispose]();
    },
  };
}

const KINDS: Readonly<Record<string, () => Promise<Pair>>> = {
  "memory": () => {
    const [proxy, handler] = createMemoryLink<UpMessage, DownMessage>();
    return Promise.resolve({
      proxy,
      handler,
      [Symbol.asyncDispose]: async () => {
        await proxy[Symbol.asyncDispose]();
      },
    });
  },
  "local socket": async () => {
    const dir = await Deno.makeTempDir();
    const pair = await socketPair({ transport: "unix", path: `${dir}/link` });
    return {
      ...pair,
      [Symbol.asyncDispose]: async () => {
        await pair[Symbol.asyncDispose]();
        await Deno.remove(dir, { recursive: true });
      },
    };
  },
  "tcp": () => socketPair({ transport: "tcp", hostname: "127.0.0.1", port: 0 }),
};

/** Collects what an end receives; `until(n)` waits for the n-th message. */
function collect<Out, In>(
  end: LinkEnd<Out, In>,
): { readonly got: In[]; until(count: number): Promise<void> } {
  const got: In[] = [];
  let wake = () => {};
  end.receive((message) => {
    got.push(message);
    wake();
  });
  return {
    got,
    async until(count) {
      while (got.length < count) {
        await within(new Promise<void>((resolve) => wake = resolve), `message ${count} of ${got.length}`);
      }
    },
  };
}

for (const [kind, open] of Object.entries(KINDS)) {
  Deno.test(`LinkEnd over ${kind} carries messages both ways in order`, async () => {
    await using pair = await open();
    const up = collect(pair.handler);
    const down = collect(pair.proxy);
    const count = 5000;
    const sent: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      sent.push(pair.proxy.send({ type: "subscribe", channel: `c${i}` }));
      sent.push(pair.handler.send({ type: "update", channel: `c${i}` }));
    }
    await Promise.all(sent);
    await Promise.all([up.until(count), down.until(count)]);
    assertEquals(
      up.got.map((m) => m.type === "subscribe" && m.channel),
      Array.from({ length: count }, (_, i) => `c${i}`),
    );
    assertEquals(
      down.got.map((m) => m.type === "update" && m.channel),
      Array.from({ length: count }, (_, i) => `c${i}`),
    );
  });

  Deno.test(`LinkEnd over ${kind} carries items whole, whatever is in them`, async () => {
    await using pair = await open();
    const down = collect(pair.proxy);
    pair.handler.receive(() => {});
    const random = new Random(4711);
    const items = Array.from({ length: 200 }, () => randomItem(random));
    for (const [seq, item] of items.entries()) void pair.handler.send({ type: "item", seq, item });
    await down.until(items.length);
    assertEquals(down.got, items.map((item, seq) => ({ type: "item" as const, seq, item })));
  });

  Deno.test(`LinkEnd over ${kind} carries statistics and what is wanted of them`, async () => {
    await using pair = await open();
    const up = collect(pair.handler);
    const down = collect(pair.proxy);
    const wanted: DownMessage = { type: "want-stats", types: ["conn", "sub", "report"] };
    const told: UpMessage = {
      type: "stats",
      packets: [{ type: "conn", fields: { "id": "p:1", "peer-address": "::1", "ttl": 120, "ssl": true } }],
      subscriptions: [{ mode: "stream", channel: "ü", subscribers: 0, gone: true }],
      traffic: [{ route: "r", mostConnections: 2, connections: 1, counts: { "blocks-sent": 3 } }],
    };
    void pair.handler.send(wanted);
    void pair.proxy.send(told);
    await Promise.all([up.until(1), down.until(1)]);
    assertEquals([up.got, down.got], [[told], [wanted]]);
  });

  Deno.test(`LinkEnd over ${kind} does not run the receiver inside the sender's call`, async () => {
    await using pair = await open();
    const up = collect(pair.handler);
    pair.proxy.receive(() => {});
    const sent = pair.proxy.send({ type: "forget", channel: "c" });
    assertEquals(up.got, []);
    await sent;
    await up.until(1);
  });

  Deno.test(`LinkEnd over ${kind} keeps what comes before receive() is called`, async () => {
    await using pair = await open();
    pair.proxy.receive(() => {});
    void pair.proxy.send({ type: "forget", channel: "early" });
    await new Promise<void>((resolve) => queueMicrotask(resolve));
    const up = collect(pair.handler);
    await up.until(1);
    assertEquals(up.got, [{ type: "forget", channel: "early" }]);
  });

  Deno.test(`LinkEnd over ${kind} says "ours" here and "peer" there, and refuses to send afterwards`, async () => {
    await using pair = await open();
    pair.proxy.receive(() => {});
    pair.handler.receive(() => {});
    await pair.handler[Symbol.asyncDispose]();
    assertEquals(await within(pair.handler.closed, "our close"), "ours");
    assertEquals(await within(pair.proxy.closed, "the peer's close"), "peer");
    await assertRejects(() => pair.handler.send({ type: "recover" }), Error, "it is closed");
    await assertRejects(() => pair.proxy.send({ type: "forget", channel: "c" }), Error, "it is closed");
  });
}
