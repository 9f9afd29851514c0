/** Publishing, commands and statistics over ZeroMQ, as the field's clients use them: real libzmq, real handler. */
import { assertEquals, assertRejects } from "@std/assert";
import { PushpinError } from "../../src/errors.ts";
import type { PublishItem } from "../../src/grip/publish_item.ts";
import { Metrics } from "../../src/metrics.ts";
import { Handler } from "../../src/server/control/ingest.ts";
import { openZmqDoors, type ZmqDoors, type ZmqDoorSettings } from "../../src/server/control/zmq_doors.ts";
import type { LinkEnd } from "../../src/server/link/link.ts";
import { createMemoryLink } from "../../src/server/link/memory_link.ts";
import type { DownMessage, StatsPacket, UpMessage } from "../../src/server/link/messages.ts";
import { decodeTnetstring } from "../../src/server/wire/tnetstring.ts";
import { LibzmqPeer, PYTHON_WITH_ZMQ } from "../helpers/libzmq.ts";
import { eventually, within } from "../helpers/wait.ts";
import { KeepingLog } from "../helpers/zmq_raw.ts";

const ignore = PYTHON_WITH_ZMQ === undefined;
const LOCAL = "tcp://127.0.0.1:0";

const SETTINGS: ZmqDoorSettings = {
  push_in_spec: LOCAL,
  push_in_sub_specs: [LOCAL],
  push_in_sub_connect: false,
  command_spec: LOCAL,
  stats_spec: LOCAL,
  stats_format: "tnetstring",
};

/** A handler with its doors and one proxy that listens to channels. */
class House implements AsyncDisposable {
  readonly log = new KeepingLog();
  readonly metrics = new Metrics();
  readonly handler = new Handler({ log: this.log, metrics: this.metrics, updateOnFirstSubscription: false });
  readonly received: DownMessage[] = [];
  readonly #proxy: LinkEnd<UpMessage, DownMessage>;
  #doors: ZmqDoors | undefined;
  sendStats: ((packets: readonly StatsPacket[]) => void) | undefined;

  private constructor(readonly connections: readonly string[]) {
    const [mine, theirs] = createMemoryLink<UpMessage, DownMessage>();
    this.#proxy = mine;
    mine.receive((message) => {
      this.received.push(message);
      if (message.type === "conncheck") {
        const ids = message.ids.filter((id) => this.connections.includes(id));
        void mine.send({ type: "connections", ask: message.ask, ids });
      }
    });
    this.handler.attach(theirs);
  }

  static async open(
    settings: Partial<ZmqDoorSettings> = {},
    connections: readonly string[] = [],
  ): Promise<House> {
    const house = new House(connections);
    house.#doors = await openZmqDoors({
      settings: { ...SETTINGS, ...settings },
      ingest: house.handler,
      watchInterest: (watch) => house.handler.watchInterest(watch),
      watchStats: (watch) => house.sendStats = watch,
      from: "handler_1",
      log: house.log,
      metrics: house.metrics,
    });
    return house;
  }

  get doors(): ZmqDoors {
    return this.#doors as ZmqDoors;
  }

  at(setting: keyof ZmqDoors["endpoints"]): string {
    return this.doors.endpoints[setting][0] as string;
  }

  get items(): readonly PublishItem[] {
    return this.received.flatMap((message) => message.type === "item" ? [message.item] : []);
  }

  get warnings(): readonly unknown[] {
    return this.log.lines.map(({ fields }) => fields["reason"]);
  }

  async listen(channel: string): Promise<void> {
    await this.#proxy.send({ type: "subscribe", channel });
    await eventually(() => this.received.some((got) => got.type === "subscribed" && got.channel === channel));
  }

  async leave(channel: string): Promise<void> {
    await this.#proxy.send({ type: "unsubscribe", channel });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.doors[Symbol.asyncDispose]();
    await this.#proxy[Symbol.asyncDispose]();
    this.handler[Symbol.dispose]();
  }
}

function contents(items: readonly PublishItem[]): string[] {
  return items.map(({ channel, formats: { "http-stream": stream } }) =>
    `${channel}: ${stream?.action === "send" ? new TextDecoder().decode(stream.content) : stream?.action}`
  );
}

const item = (content: string, more: Record<string, unknown> = {}) => ({
  ...more,
  formats: { "http-stream": { content } },
});

Deno.test("The PULL door takes a bare tnetstring, T and J, in order", { ignore }, async () => {
  await using house = await House.open();
  await using peer = new LibzmqPeer();
  await house.listen("c");
  await peer.open("it", "PUSH", { connect: house.at("push_in_spec") });
  await peer.ask({ op: "send_tnet", id: "it", value: item("bare", { channel: "c" }) });
  await peer.ask({ op: "send_tnet", id: "it", mark: "T", value: item("marked", { channel: "c" }) });
  await peer.send("it", `J${JSON.stringify(item("json", { channel: "c" }))}`);
  await eventually(() => house.items.length === 3);
  assertEquals(contents(house.items), ["c: bare", "c: marked", "c: json"]);
});

Deno.test("The PULL door drops what is no item with one warning that names the field, and goes on", {
  ignore,
}, async () => {
  await using house = await House.open();
  await using peer = new LibzmqPeer();
  await house.listen("c");
  await peer.open("it", "PUSH", { connect: house.at("push_in_spec") });
  await peer.ask({ op: "send_tnet", id: "it", value: item("no channel") });
  await peer.ask({
    op: "send_tnet",
    id: "it",
    value: { channel: "c", formats: { "http-stream": { content: 5 } } },
  });
  await peer.send("it", "J{");
  await peer.send("it", "x");
  await peer.send("it", "");
  await peer.send("it", "12:abc");
  await peer.send("it", "two", "parts");
  await peer.ask({ op: "send_tnet", id: "it", value: item("good", { channel: "c" }) });
  await eventually(() => house.items.length === 1);
  assertEquals(house.warnings.length, 7);
  const said = [
    "'channel'",
    "'content'",
    "Cannot read publish item: ",
    `it begins with "x"`,
    "it begins with nothing",
    "Cannot read tnetstring: ",
    "the message has 2 parts, not one",
  ];
  for (const [i, part] of said.entries()) {
    assertEquals([i, String(house.warnings[i]).includes(part)], [i, true], String(house.warnings[i]));
  }
  assertEquals(house.metrics.get("items_dropped", "invalid"), 7);
});

Deno.test("The SUB door asks an XPUB for exactly the channels with listeners, and takes what comes", {
  ignore,
}, async () => {
  await using house = await House.open();
  await using peer = new LibzmqPeer();
  await house.listen("before");
  await peer.open("it", "XPUB", { connect: house.at("push_in_sub_specs") });
  assertEquals(await peer.receiveText("it"), ["\x01before"]);
  await house.listen("after");
  assertEquals(await peer.receiveText("it"), ["\x01after"]);
  await peer.ask({ op: "send_tnet", id: "it", topic: "before", value: item("one") });
  await peer.ask({ op: "send_tnet", id: "it", topic: "nobody", value: item("unseen") });
  await peer.ask({ op: "send_tnet", id: "it", topic: "before too", value: item("prefix") });
  await peer.send("it", "after", `J${JSON.stringify(item("two", { channel: "ignored" }))}`);
  await eventually(() => house.items.length === 2);
  assertEquals(contents(house.items), ["before: one", "after: two"]);
  await house.leave("before");
  assertEquals(await peer.receiveText("it"), ["\x00before"]);
  assertEquals(house.warnings, []);
});

Deno.test(
  "The SUB door connects to every spec where it is told to, before or after the publishers are there",
  { ignore },
  async () => {
    await using peer = new LibzmqPeer();
    const specs = [
      await peer.open("a", "XPUB", { bind: "tcp://127.0.0.1:*" }),
      await peer.open("b", "XPUB", { bind: `ipc://${peer.directory}/b` }),
    ];
    await using house = await House.open({
      push_in_sub_specs: [...specs, `ipc://${peer.directory}/c`],
      push_in_sub_connect: true,
    });
    await house.listen("c");
    await peer.open("c", "XPUB", { bind: `ipc://${peer.directory}/c` });
    for (const id of ["a", "b", "c"]) {
      assertEquals(await peer.receiveText(id), ["\x01c"]);
      await peer.ask({ op: "send_tnet", id, topic: "c", value: item(`by ${id}`) });
      await eventually(() => contents(house.items).includes(`c: by ${id}`));
    }
    assertEquals(house.doors.endpoints.push_in_sub_specs, []);
  },
);

Deno.test("A client discovers the URIs and publishes, as pypubcontrol does", { ignore }, async () => {
  await using house = await House.open();
  await using peer = new LibzmqPeer();
  await house.listen("c");
  const value = item("found", { channel: "c", id: "1" });
  const { found } = await peer.ask({ op: "pypubcontrol", uri: house.at("command_spec"), value });
  assertEquals(found, {
    success: true,
    value: {
      command: house.at("command_spec"),
      "publish-pull": house.at("push_in_spec"),
      "publish-sub": house.at("push_in_sub_specs"),
    },
  });
  await eventually(() => house.items.length === 1);
  assertEquals(contents(house.items), ["c: found"]);
});

Deno.test("The command door answers every method of REQ and DEALER clients", { ignore }, async () => {
  await using house = await House.open({}, ["here:1", "here:2"]);
  await using peer = new LibzmqPeer();
  await house.listen("c");
  await peer.open("it", "REQ", { connect: house.at("command_spec") });
  const ask = async (value: unknown) => (await peer.ask({ op: "request_tnet", id: "it", value }))["reply"];
  assertEquals(await ask({ id: "7", method: "conncheck", args: { ids: ["here:2", "gone:1", "here:1"] } }), {
    id: "7",
    success: true,
    value: ["here:2", "here:1"],
  });
  assertEquals(await ask({ method: "recover" }), { success: true, value: null });
  assertEquals(await ask({ method: "refresh", args: { channel: "c" } }), { success: true, value: null });
  assertEquals(await ask({ method: "refresh", args: { cid: "here:1" } }), { success: true, value: null });
  assertEquals(await ask({ method: "refresh", args: { cid: "gone:1" } }), {
    success: false,
    condition: "item-not-found",
  });
  const items = [item("one", { channel: "c" }), item("two", { channel: "c" })];
  assertEquals(await ask({ id: "p", method: "publish", args: { items } }), {
    id: "p",
    success: true,
    value: null,
  });
  await eventually(() => house.items.length === 2);
  assertEquals(contents(house.items), ["c: one", "c: two"]);
  assertEquals(house.received.filter(({ type }) => type === "recover" || type === "refresh"), [
    { type: "recover" },
    { type: "refresh", by: "channel", value: "c" },
    { type: "refresh", by: "cid", value: "here:1" },
  ]);

  assertEquals(await ask({ id: "9", method: "toString" }), {
    id: "9",
    success: false,
    condition: "method-not-found",
  });
  const refused: readonly (readonly [unknown, string])[] = [
    [{ method: "conncheck" }, "ids is no list of strings"],
    [{ method: "conncheck", args: { ids: [1] } }, "ids is no list of strings"],
    [{ method: "refresh", args: {} }, "neither cid nor channel is a string"],
    [{ method: "publish", args: {} }, "items is no list"],
    [{ method: "publish", args: { items: [items[0], { channel: "c" }] } }, "no formats specified"],
    [{ method: "recover", args: [] }, "args is no dict"],
    [{ id: "x" }, "the request has no method"],
    [[], "the request is no dict"],
  ];
  for (const [request, why] of refused) {
    const reply = await ask(request) as Record<string, unknown>;
    assertEquals([reply["success"], reply["condition"], reply["value"]], [false, "bad-request", why]);
  }
  assertEquals(house.items.length, 2);
  await peer.send("it", "no tnetstring");
  assertEquals((await peer.receiveText("it"))?.[0]?.includes("bad-request"), true);

  await peer.open("dealer", "DEALER", { connect: house.at("command_spec") });
  await peer.send("dealer", "no delimiter");
  await peer.send("dealer", "", "25:6:method,12:get-zmq-uris,}");
  const reply = await peer.receive("dealer");
  assertEquals(reply?.length, 2);
  assertEquals((decodeTnetstring(reply?.[1] as Uint8Array) as Record<string, unknown>)["success"], true);
  assertEquals(house.warnings, ["it has no empty delimiter part before its body"]);
});

for (const format of ["tnetstring", "json"] as const) {
  Deno.test(
    `The statistics socket sends what is subscribed, in ${format}, and works for nobody`,
    { ignore },
    async () => {
      await using house = await House.open({ stats_format: format });
      await using peer = new LibzmqPeer();
      const stats = house.doors.stats!;
      const conn: StatsPacket = { type: "conn", fields: { id: "here:1", type: "http", ttl: 60, ssl: false } };
      assertEquals([stats.wants(), stats.wants("conn")], [false, false]);
      house.sendStats?.([conn]);
      await peer.open("it", "SUB", { connect: house.at("stats_spec") });
      await peer.subscribe("it", "conn ");
      await eventually(() => stats.wants());
      assertEquals([stats.wants("conn"), stats.wants("message")], [true, false]);
      house.sendStats?.([{ type: "message", fields: { channel: "c", count: 1 } }, conn]);
      const packet = await peer.receive("it");
      const text = new TextDecoder().decode(packet?.[0]);
      assertEquals(packet?.length, 1);
      assertEquals(
        text,
        format === "json"
          ? `conn J{"from":"handler_1","id":"here:1","type":"http","ttl":60,"ssl":false}`
          : "conn T72:4:from,9:handler_1,2:id,6:here:1,4:type,4:http,3:ttl,2:60#3:ssl,5:false!}",
      );
      await peer.ask({ op: "close", id: "it" });
      await eventually(() => !stats.wants());
    },
  );
}

Deno.test("Doors over ipc work, with the files' mode, and leave no file behind", { ignore }, async () => {
  await using peer = new LibzmqPeer();
  const ipc = (name: string) => `ipc://${peer.directory}/${name}`;
  const house = await House.open({
    push_in_spec: ipc("pull"),
    push_in_sub_specs: [ipc("sub")],
    command_spec: ipc("command"),
    stats_spec: ipc("stats"),
    ipc_file_mode: 0o660,
  });
  await house.listen("c");
  assertEquals((await Deno.lstat(`${peer.directory}/stats`)).mode! & 0o777, 0o660);
  const value = item("by ipc", { channel: "c" });
  await peer.ask({ op: "pypubcontrol", uri: ipc("command"), value });
  await eventually(() => house.items.length === 1);
  await house[Symbol.asyncDispose]();
  assertEquals([...Deno.readDirSync(peer.directory)].map(({ name }) => name), []);
});

Deno.test("An occupied address is an error that names the setting, and nothing stays open", async () => {
  const directory = await Deno.makeTempDir();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const spec = `tcp://127.0.0.1:${taken.addr.port}`;
  await assertRejects(
    () => House.open({ push_in_spec: `ipc://${directory}/pull`, command_spec: spec }),
    PushpinError,
    `Cannot open command_spec: Cannot listen on ${spec}: address in use: use another port or stop the other process`,
  );
  assertEquals([...Deno.readDirSync(directory)], []);
  await Deno.remove(directory);
});

Deno.test("Doors that are off are not open, and the others tell so", { ignore }, async () => {
  await using house = await House.open({ push_in_spec: "", push_in_sub_specs: [], stats_spec: "" });
  await using peer = new LibzmqPeer();
  await peer.open("it", "REQ", { connect: house.at("command_spec") });
  const { reply } = await within(
    peer.ask({ op: "request_tnet", id: "it", value: { method: "get-zmq-uris" } }),
    "the reply",
  );
  assertEquals(reply, { success: true, value: { command: house.at("command_spec") } });
  assertEquals(house.doors.endpoints, {
    push_in_spec: [],
    push_in_sub_specs: [],
    command_spec: [house.at("command_spec")],
    stats_spec: [],
  });
});
