/** Publishing over ZeroMQ as the field's clients do: real libzmq, real handler. */
import { assertEquals, assertRejects } from "@std/assert";
import { PushpinError } from "../../src/errors.ts";
import { LibzmqPeer, PYTHON_WITH_ZMQ } from "../helpers/libzmq.ts";
import { eventually, within } from "../helpers/wait.ts";
import { contents, House, item } from "../helpers/zmq_house.ts";

const ignore = PYTHON_WITH_ZMQ === undefined;

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
