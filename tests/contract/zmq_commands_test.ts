/** Commands and statistics over ZeroMQ, as the field's tools use them: real libzmq, real handler. */
import { assertEquals } from "@std/assert";
import type { StatsPacket } from "../../src/server/link/messages.ts";
import { decodeTnetstring } from "../../src/server/wire/tnetstring.ts";
import { LibzmqPeer, PYTHON_WITH_ZMQ } from "../helpers/libzmq.ts";
import { eventually } from "../helpers/wait.ts";
import { contents, House, item } from "../helpers/zmq_house.ts";

const ignore = PYTHON_WITH_ZMQ === undefined;

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
