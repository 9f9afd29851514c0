/** The statistics socket of the running program, read as monitoring tools read it: real libzmq, prefixes, both formats. */
import { assert, assertEquals } from "@std/assert";
import { LibzmqPeer, PYTHON_WITH_ZMQ } from "../helpers/libzmq.ts";
import { pidOf } from "../helpers/process_proofs.ts";
import { Program, type SettingValue } from "../helpers/program.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { eventually } from "../helpers/wait.ts";

const ignore = PYTHON_WITH_ZMQ === undefined;

type Fields = Readonly<Record<string, unknown>>;
interface Packet {
  readonly type: string;
  readonly fields: Fields;
}

/** A program with an origin that holds, and a subscriber. */
class Stand implements AsyncDisposable {
  readonly #parts: AsyncDisposableStack;
  readonly #clients: RawClient[] = [];
  readonly program: Program;
  readonly peer: LibzmqPeer;

  private constructor(parts: AsyncDisposableStack, program: Program, peer: LibzmqPeer) {
    this.#parts = parts;
    this.program = program;
    this.peer = peer;
  }

  static async start(handler: Readonly<Record<string, SettingValue>> = {}): Promise<Stand> {
    await using parts = new AsyncDisposableStack();
    const origin = parts.use(ScriptedOrigin.start());
    origin.on("/s", {
      headers: [["Grip-Hold", "stream"], ["Grip-Channel", "s"], ["Grip-Keep-Alive", "k; timeout=1"]],
      body: "open\n",
    });
    origin.on("/p", { headers: [["Grip-Hold", "response"], ["Grip-Channel", "p"], ["Grip-Timeout", "60"]] });
    const program = parts.use(
      await Program.start({
        routes: [`*,id=r 127.0.0.1:${origin.port}`],
        settings: {
          global: { stats_connection_ttl: 2 },
          runner: { workers: 2 },
          handler: {
            stats_subscription_ttl: 2,
            stats_report_interval: 1,
            subscription_linger: 1,
            update_on_first_subscription: false,
            ...handler,
          },
        },
      }),
    );
    const peer = parts.use(new LibzmqPeer());
    return new Stand(parts.move(), program, peer);
  }

  /** As `monitorstats` does: connect, subscribe to a type and a space. */
  async listen(...types: readonly string[]): Promise<void> {
    for (const type of types) {
      await this.peer.open(type, "SUB", {
        connect: `ipc://${this.program.dir}/run/pushpin-stats`,
        options: { RECONNECT_IVL: 20 },
      });
      await this.peer.subscribe(type, type === "" ? "" : `${type} `);
    }
  }

  async packet(socket: string): Promise<Packet> {
    const { packet } = await this.peer.ask({ op: "recv_stats", id: socket });
    if (packet === null) throw new Error(`No ${socket} packet`);
    return packet as Packet;
  }

  /** The first packet that fits, of those that come. */
  async until(type: string, fits: (fields: Fields) => boolean): Promise<Fields> {
    const passed: Fields[] = [];
    for (let i = 0; i < 200; i++) {
      const packet = await this.packet(type);
      assertEquals(packet.type, type);
      if (fits(packet.fields)) return packet.fields;
      passed.push(packet.fields);
    }
    throw new Error(`Not among ${JSON.stringify(passed)}`);
  }

  /** A client that waits until `leave()`. */
  async hold(path: string): Promise<void> {
    const client = await RawClient.connect({ port: this.program.port });
    this.#clients.push(client);
    await client.request({ target: path });
    if (path === "/s") await client.readHead();
  }

  async leave(): Promise<void> {
    for (const client of this.#clients.splice(0)) await client[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
    await this.#parts[Symbol.asyncDispose]();
  }
}

const item = (channel: string, id: string, formats: Record<string, unknown>) => ({ channel, id, formats });

Deno.test(
  "The stats socket tells of connections while they are there, and of their end",
  { ignore },
  async () => {
    await using stand = await Stand.start();
    await stand.listen("conn");
    // PUB keeps nothing for those who are still joining: held clients are told again, within 3/4 of their ttl.
    await stand.hold("/s");
    const there = await stand.until("conn", () => true);
    const id = there["id"];
    assertEquals(there, {
      from: `handler_${pidOf(stand.program, "handler")}`,
      id,
      type: "http",
      "peer-address": "127.0.0.1",
      ttl: 2,
      route: "r",
    });
    assert(/^proxy-[12]:\d+$/.test(String(id)), String(id));
    assertEquals(await stand.until("conn", () => true), there);
    // Several proxies, and no two ids are the same.
    for (let i = 0; i < 9; i++) await stand.hold("/s");
    const ids = new Set<unknown>();
    await stand.until("conn", (fields) => ids.add(fields["id"]).size === 10);
    await stand.leave();
    await stand.until("conn", (fields) => {
      if (fields["unavailable"] === true) ids.delete(fields["id"]);
      return ids.size === 0;
    });
  },
);

Deno.test("The stats socket tells of channels over all proxies, and of their end after the linger", {
  ignore,
}, async () => {
  await using stand = await Stand.start();
  await stand.listen("sub");
  for (let i = 0; i < 8; i++) await stand.hold("/s");
  await stand.hold("/p");
  const from = `handler_${pidOf(stand.program, "handler")}`;
  const there = { from, ttl: 2 };
  assertEquals(await stand.until("sub", ({ subscribers }) => subscribers === 8), {
    ...there,
    mode: "stream",
    channel: "s",
    subscribers: 8,
  });
  assertEquals(
    await stand.until("sub", ({ mode, subscribers }) => mode === "response" && subscribers === 1),
    {
      ...there,
      mode: "response",
      channel: "p",
      subscribers: 1,
    },
  );
  await stand.leave();
  const left = performance.now();
  const gone = { from, unavailable: true };
  assertEquals(await stand.until("sub", ({ unavailable }) => unavailable === true), {
    ...gone,
    mode: "stream",
    channel: "s",
  });
  assertEquals(await stand.until("sub", ({ unavailable }) => unavailable === true), {
    ...gone,
    mode: "response",
    channel: "p",
  });
  assert(performance.now() - left >= 1000, "a long-poll's subscription outlives it");
});

Deno.test("The stats socket tells of messages, activity and traffic", { ignore }, async () => {
  await using stand = await Stand.start({ message_block_size: 4 });
  await stand.listen("message", "activity", "report");
  const from = `handler_${pidOf(stand.program, "handler")}`;
  for (let i = 0; i < 3; i++) await stand.hold("/s");
  await stand.hold("/p");
  // The report has come, and so has every subscription that was made with it.
  await stand.until("report", ({ connections }) => connections === 4);
  // Requests, and then keep-alives, which go on.
  let acted = 0;
  await stand.until("activity", ({ count, ...rest }) => {
    assertEquals(rest, { from, route: "r" });
    return (acted += Number(count)) > 4;
  });

  await stand.program.publish([item("s", "1", { "http-stream": { content: "12345" } })]);
  assertEquals(await stand.until("message", () => true), {
    from,
    channel: "s",
    "item-id": "1",
    count: 3,
    blocks: 6,
    transport: "http-stream",
  });
  await stand.program.publish([item("p", "2", { "http-response": { body: "1" } })]);
  assertEquals((await stand.until("message", () => true))["transport"], "http-response");

  const sums: Record<string, number> = {};
  await stand.until("report", (fields) => {
    const route = fields["route"] ?? "";
    for (const name of ["received", "blocks-received", "sent", "http-response-sent", "blocks-sent"]) {
      sums[`${name} ${route}`] = (sums[`${name} ${route}`] ?? 0) + Number(fields[name]);
    }
    return sums["sent r"] === 4 && sums["received "] === 2;
  });
  assertEquals(sums, {
    "received ": 2,
    "blocks-received ": 3,
    "sent ": 0,
    "http-response-sent ": 0,
    "blocks-sent ": 0,
    "received r": 0,
    "blocks-received r": 0,
    "sent r": 4,
    "http-response-sent r": 1,
    "blocks-sent r": 7,
  });
});

Deno.test("The stats socket speaks JSON to one who subscribes to everything", { ignore }, async () => {
  await using stand = await Stand.start({ stats_format: "json" });
  await stand.listen("");
  await stand.hold("/s");
  const types = new Set<string>();
  await eventually(async () => {
    const { packet, mark } = await stand.peer.ask({ op: "recv_stats", id: "" }) as {
      packet: Packet;
      mark: string;
    };
    assertEquals(mark, "J");
    // Once: an item puts the keep-alive off, which is what activity waits for.
    if (packet.type === "conn" && !types.has("conn")) {
      await stand.program.publish([{ channel: "s", formats: { "http-stream": { content: "x" } } }]);
    }
    types.add(packet.type);
    return types.size === 5;
  });
});

Deno.test("The stats socket of a new handler tells a late subscriber of those who are there already", {
  ignore,
}, async () => {
  await using stand = await Stand.start();
  await stand.hold("/s");
  await stand.listen("conn", "sub");
  assertEquals((await stand.until("sub", () => true))["subscribers"], 1);
  const { id } = await stand.until("conn", () => true);
  const before = pidOf(stand.program, "handler");
  Deno.kill(before, "SIGKILL");
  const anew = (fields: Fields) => fields["from"] !== `handler_${before}`;
  assertEquals((await stand.until("conn", anew))["id"], id);
  assertEquals((await stand.until("sub", anew))["subscribers"], 1);
});
