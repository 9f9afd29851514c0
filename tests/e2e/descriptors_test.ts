import { assertEquals } from "@std/assert";
import { Program } from "../helpers/program.ts";
import { askOnce, RawClient } from "../helpers/raw_client.ts";
import { eventually } from "../helpers/wait.ts";

Deno.test("A proxy that runs out of descriptors keeps its holds and takes clients again afterwards", async () => {
  await using program = await Program.start({ args: ["--single-process"], descriptors: 100 });
  const clients: RawClient[] = [];
  try {
    const held = await RawClient.connect({ port: program.port });
    clients.push(held);
    await held.request({ target: "/stream" });
    await held.readHead();
    await held.readChunksUntil("[stream opened]");
    // More than there are descriptors: some are refused, some cut, the rest is held.
    for (let i = 0; i < 150; i++) {
      const client = await RawClient.connect({ port: program.port }).catch(() => undefined);
      if (client === undefined) continue;
      clients.push(client);
      await client.request({ target: "/stream" }).catch(() => {});
    }
    await program.line(/too many open files/i);
    for (const client of clients.splice(1)) await client[Symbol.asyncDispose]();
    const status = await eventually(async () => {
      const response = await askOnce(program.port, "/").catch(() => undefined);
      return response !== undefined && { code: response.status };
    });
    assertEquals(status.code, 200);
    await program.publish([{ channel: "test", formats: { "http-stream": { content: "still here\n" } } }]);
    await held.readChunksUntil("still here");
  } finally {
    for (const client of clients) await client[Symbol.asyncDispose]();
  }
});
