/** What statistics cost the link between proxy and handler: nothing, until somebody listens and when nobody does any more. */
import { assert, assertEquals } from "@std/assert";
import { startHandler } from "../../src/app_handler.ts";
import { startProxy } from "../../src/app_proxy.ts";
import { silentLog } from "../../src/log.ts";
import type { LinkEnd } from "../../src/server/link/link.ts";
import { createMemoryLink } from "../../src/server/link/memory_link.ts";
import type { DownMessage, UpMessage } from "../../src/server/link/messages.ts";
import { SubSocket } from "../../src/server/zmq/mod.ts";
import { load } from "../helpers/load_settings.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { eventually } from "../helpers/wait.ts";

/** Notes everything that goes up. */
function tapped(end: LinkEnd<UpMessage, DownMessage>, noted: UpMessage[]): LinkEnd<UpMessage, DownMessage> {
  return {
    send(message) {
      noted.push(message);
      return end.send(message);
    },
    receive: (handler) => end.receive(handler),
    closed: end.closed,
    [Symbol.asyncDispose]: () => end[Symbol.asyncDispose](),
  };
}

Deno.test("No statistics cross the link without a subscriber, nor once the last has gone", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/s", {
    headers: [["Grip-Hold", "stream"], ["Grip-Channel", "s"], [
      "Grip-Keep-Alive",
      "k\\n; timeout=1; format=cstring",
    ]],
    body: "open\n",
  });
  const dir = await Deno.makeTempDir({ prefix: "pushpin_stats_" });
  await using _dir = { [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
  const { effective } = load({
    files: {
      "/w/pushpin.toml": `
        [runner]
        http_port = "127.0.0.1:0"
        [proxy]
        routes = ["* 127.0.0.1:${origin.port}"]
        [handler]
        push_in_http_port = 0
        push_in_spec = ""
        push_in_sub_specs = []
        command_spec = ""
        stats_spec = "ipc://${dir}/stats"
        subscription_linger = 0
      `,
    },
    args: ["--config", "/w/pushpin.toml"],
  });
  await using handler = await startHandler(effective, silentLog);
  await using proxy = await startProxy(effective, silentLog, { name: "p", proxies: 1 });
  const up: UpMessage[] = [];
  const [proxyEnd, handlerEnd] = createMemoryLink<UpMessage, DownMessage>();
  await using link = tapped(proxyEnd, up);
  handler.handler.attach(handlerEnd);
  proxy.hub.attach(link);
  const [{ address }] = proxy.listeners as [typeof proxy.listeners[number]];
  assert(address.kind === "tcp");
  const { port } = address;

  /** A request, a stream with a keep-alive and an item, and its end. */
  const live = async () => {
    await using plain = await RawClient.connect({ port });
    await plain.request({ target: "/plain" });
    assertEquals((await plain.readHead()).status, 200);
    const client = await RawClient.connect({ port });
    await client.request({ target: "/s" });
    await client.readHead();
    await client.readChunksUntil("k\n");
    await fetch(`http://127.0.0.1:${handler.controlPort}/publish/`, {
      method: "POST",
      body: JSON.stringify({ items: [{ channel: "s", "http-stream": { content: "item\n" } }] }),
    }).then((response) => response.text());
    await client.readChunksUntil("item\n");
    await client[Symbol.asyncDispose]();
    await eventually(() => proxy.hub.channelCount === 0);
  };
  const crossed = () => up.splice(0).map(({ type }) => type).sort();
  const quiet = ["receipt", "subscribe", "unsubscribe"];

  await live();
  assertEquals(crossed(), quiet);

  const sub = new SubSocket();
  sub.connect(`ipc://${dir}/stats`);
  sub.subscribe("message ");
  let messages = 0;
  const receiving = sub.receive().then((packet) => messages += packet === undefined ? 0 : 1);
  await eventually(async () => {
    await live();
    return messages === 1;
  }, { what: "a message packet" });
  await receiving;
  assertEquals(up.splice(0).filter(({ type }) => type === "stats"), [], "messages are the handler's own");

  sub.subscribe("");
  await eventually(async () => {
    await live();
    return crossed().includes("stats");
  }, { what: "statistics for a subscriber" });
  await sub.close();
  // Its end is known when a life leaves nothing behind; what was under way comes with the next tick.
  await eventually(async () => {
    await live();
    return crossed().join() === quiet.join();
  }, { deadlineMs: 20_000, what: "silence after the subscriber's end" });
});
