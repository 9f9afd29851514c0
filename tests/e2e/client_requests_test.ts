/** Publishers that cannot be run here, by the requests that they are known to send. */
import { assertEquals } from "@std/assert";
import { latin1Text } from "../helpers/bytes.ts";
import { Program } from "../helpers/program.ts";
import { RawClient, requestBytes } from "../helpers/raw_client.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { type PublishRequest, publishRequests } from "./clients/publish_requests.ts";

const CHANNEL = "field";

/** Sends the request as its library would; answers the interim response of those that wait for one. */
async function send(controlPort: number, request: PublishRequest): Promise<{ status: number; text: string }> {
  await using client = await RawClient.connect({ port: controlPort });
  const bytes = requestBytes({
    method: "POST",
    target: request.path,
    headers: request.headers,
    body: new TextEncoder().encode(request.body),
  });
  const waits = request.headers.some(([name]) => name === "Expect");
  const headLength = latin1Text(bytes).indexOf("\r\n\r\n") + 4;
  await client.send(waits ? bytes.subarray(0, headLength) : bytes);
  if (waits) {
    assertEquals((await client.readHead()).status, 100);
    await client.send(bytes.subarray(headLength));
  }
  const { status, text } = await client.readResponse({ method: "POST" });
  return { status, text };
}

Deno.test("the control port takes what the field's libraries send", async (t) => {
  await using origin = ScriptedOrigin.start({
    rules: [{
      target: "/",
      respond: {
        headers: [["Content-Type", "text/plain"], ["Grip-Hold", "stream"], ["Grip-Channel", CHANNEL]],
        body: "open\n",
      },
    }],
  });
  await using program = await Program.start({ routes: [`* 127.0.0.1:${origin.port}`] });
  for (const request of publishRequests(CHANNEL)) {
    await t.step(request.by, async () => {
      await using client = await RawClient.connect({ port: program.port });
      await client.request({ target: "/" });
      assertEquals((await client.readHead()).status, 200);
      assertEquals(await client.readChunksUntil("\n"), "open\n");
      assertEquals(await send(program.controlPort, request), { status: 200, text: "Published\n" });
      const wanted = latin1Text(new TextEncoder().encode(request.delivered));
      assertEquals(await client.readChunksUntil(wanted), wanted);
    });
  }
});
