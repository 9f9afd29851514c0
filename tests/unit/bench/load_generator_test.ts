/** The generator process itself, against the raw peer and against a server that does what servers rarely do. */
import { assertEquals, assertRejects } from "@std/assert";
import { openLab } from "../../../bench/lab.ts";
import { Fleet } from "../../../bench/load/fleet.ts";
import { loadGeneratorMissing } from "../../../bench/load/platform.ts";
import { rawPeer } from "../../../bench/peers/raw.ts";
import type { RunningPeer } from "../../../bench/peers/peer.ts";
import { encodeText } from "../../../bench/text.ts";
import { freePort } from "../../helpers/free_port.ts";
import { ROOT } from "../../helpers/program.ts";

const ignore = loadGeneratorMissing() !== undefined;

/** Enough of a peer for a generator. */
function peerAt(port: number): RunningPeer {
  return { name: "raw", port, publishPort: port, dialect: "bare" } as RunningPeer;
}

Deno.test({
  name: "Fleet counts every delivery of the raw peer, in step and in bursts, small and large",
  ignore,
  async fn() {
    await using lab = await openLab(ROOT);
    await using peer = await rawPeer().start(lab, undefined as never);
    await using fleet = new Fleet();
    const opened = await fleet.open(peer, { kind: "stream", count: 1_500, channels: 3 });
    assertEquals([opened.opened, opened.failed], [1_500, 0]);
    for (const pace of ["step", "burst"] as const) {
      for (const bytes of [64, 4096, 100_000]) {
        const order = { channels: 3, messages: 6, bytes, pace, expected: 3_000, connections: 4 };
        const { delivered, fewest, most, lost, refused } = await fleet.publish(peer, order);
        assertEquals([delivered, fewest, most, lost, refused], [3_000, 2, 2, 0, 0], `${pace} ${bytes}`);
      }
    }
    assertEquals((await fleet.tell({ do: "close" })).opened, 0);
  },
});

Deno.test({
  name: "Fleet reads heads that come in pieces, and counts clients that get no 200 as failed",
  ignore,
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = (async () => {
      const conns = [];
      for (
        const pieces of [["HTTP/1.1 20", "0 OK\r\n\r", "\none~two~"], ["HTTP/1.1 503 No", "\r\n\r\n~"], []]
      ) {
        const conn = await listener.accept();
        conn.setNoDelay(true);
        await conn.read(new Uint8Array(1024));
        for (const piece of pieces) {
          await conn.write(encodeText(piece));
          // Nothing tells when the other side has read a piece; joined pieces are read right as well.
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        if (pieces.length === 0) conn.close();
        else conns.push(conn);
      }
      return conns;
    })();
    await using fleet = new Fleet();
    const peer = peerAt(listener.addr.port);
    const { opened, failed } = await fleet.open(peer, { kind: "stream", count: 3, window: 1 });
    assertEquals([opened, failed], [1, 2]);
    const { delivered, lost } = await fleet.tell({ do: "drain", expected: 2, patienceMs: 3_000 });
    assertEquals([delivered, lost], [2, 0]);
    for (const conn of await serving) conn.close();
  },
});

Deno.test({
  name: "Fleet says what is wrong where nobody listens",
  ignore,
  async fn() {
    await using fleet = new Fleet();
    const port = freePort();
    const order = { messages: 1, bytes: 64, pace: "step", expected: 1 } as const;
    await assertRejects(
      () => fleet.publish(peerAt(port), order),
      Error,
      `Cannot publish to port ${port}: ECONNREFUSED, nobody listens there`,
    );
    await assertRejects(
      () => fleet.open(peerAt(port), { kind: "stream", count: 1 }),
      Error,
      "Cannot open client 0: ECONNREFUSED, nobody listens there",
    );
  },
});
