/** Held sessions over real sockets: what only the runtime can say about clients that leave or do not read. */
import { assertEquals } from "@std/assert";
import { HoldStand } from "../helpers/hold_stand.ts";
import { eventually } from "../helpers/wait.ts";

const STREAM = [["Grip-Hold", "stream"], ["Grip-Channel", "c"]] as const;
const POLL = [["Grip-Hold", "response"], ["Grip-Channel", "c"]] as const;

function serve(stand: HoldStand) {
  return Deno.serve(
    {
      hostname: "127.0.0.1",
      port: 0,
      onListen: () => {},
      onError: () => new Response(null, { status: 500 }),
    },
    (request) => {
      const headers = request.url.endsWith("/poll") ? POLL : STREAM;
      return stand.hold(headers, "open\n", { signal: request.signal });
    },
  );
}

async function ask(port: number, path: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`));
  return connection;
}

Deno.test("SessionKeeper notices clients that leave, streams and long-polls alike", async () => {
  using stand = new HoldStand();
  await using server = serve(stand);
  const connections = await Promise.all(["/poll", "/stream"].map((path) => ask(server.addr.port, path)));
  await eventually(() => stand.keeper.size === 2, { what: "two holds" });
  for (const connection of connections) connection.close();
  await eventually(() => stand.keeper.size === 0, { what: "no hold" });
  assertEquals(stand.metrics.get("holds_ended", "client-gone"), 2);
});

Deno.test("SessionKeeper cuts a client that stops reading, and no other", async () => {
  using stand = new HoldStand({ clientQueueBytes: 100_000 });
  await using server = serve(stand);
  const stalled = await ask(server.addr.port, "/stream");
  const reading = await ask(server.addr.port, "/stream");
  const drained = drain(reading);
  await eventually(() => stand.keeper.size === 2, { what: "two holds" });
  await stand.subscribed();
  const stream = "x".repeat(100_000);
  while (stand.metrics.get("holds_ended", "slow-client") === 0) {
    await stand.publish({ stream });
    // The reader gets its turn; the stalled one has had it.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertEquals([stand.keeper.size, stand.log.find("warn", /hold ended/)?.fields.reason], [1, "slow-client"]);
  await stand.publish({ stream: { action: "close" } });
  reading.close();
  assertEquals(await drained > 100_000, true);
  stalled.close();
});

/** Reads until the connection is closed; gives the bytes. */
async function drain(connection: Deno.TcpConn): Promise<number> {
  const buffer = new Uint8Array(1 << 20);
  let total = 0;
  try {
    for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) total += n;
  } catch {
    // Closed under the read: the test is over.
  }
  return total;
}
