import { assert, assertEquals, assertRejects } from "@std/assert";
import { PushpinError } from "../../../../src/errors.ts";
import { parsePublishItem } from "../../../../src/grip/publish_item.ts";
import type { PublishItem } from "../../../../src/grip/publish_item.ts";
import { publishOverZmq } from "../../../../src/server/control/publish_zmq.ts";
import { decodeTnetstring } from "../../../../src/server/wire/tnetstring.ts";
import { PullSocket } from "../../../../src/server/zmq/mod.ts";

const item: PublishItem = {
  channel: "c",
  id: "1",
  formats: { "http-stream": { action: "send", content: new Uint8Array([0xff, 10]) } },
  meta: new Map([["sender", "me"]]),
  noSeq: false,
};

Deno.test("publishOverZmq() hands the item, as a bare tnetstring, to a PULL socket", async () => {
  await using pull = new PullSocket();
  const spec = await pull.bind("tcp://127.0.0.1:0");
  await publishOverZmq(spec, item);
  const message = await pull.receive();
  assertEquals(message?.length, 1);
  const [frame] = message ?? [];
  assert(frame !== undefined);
  assertEquals(parsePublishItem(decodeTnetstring(frame), { binary: true }), item);
});

Deno.test("publishOverZmq() says at once that nothing listens there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const spec = `tcp://127.0.0.1:${listener.addr.port}`;
  listener.close();
  const said = "connection refused: start pushpin there, or name another address with --spec";
  await assertRejects(() => publishOverZmq(spec, item), PushpinError, `Cannot publish to ${spec}: ${said}`);
  const gone = "ipc:///nowhere/at/all";
  await assertRejects(() => publishOverZmq(gone, item), PushpinError, `Cannot publish to ${gone}: ${said}`);
});

Deno.test("publishOverZmq() gives up on a peer that accepts and says nothing", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const spec = `tcp://127.0.0.1:${listener.addr.port}`;
  await assertRejects(
    () => publishOverZmq(spec, item, { timeLimitMs: 50 }),
    PushpinError,
    `Cannot publish to ${spec}: no answer within 0.05 s`,
  );
  (await accepted).close();
});
