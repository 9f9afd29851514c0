import { assertEquals, assertRejects } from "@std/assert";
import { askOnce, RawClient } from "../../helpers/raw_client.ts";
import { ScriptedOrigin } from "../../helpers/scripted_origin.ts";
import { DeadlineError, Gate } from "../../helpers/wait.ts";

Deno.test("ScriptedOrigin records a request exactly as sent", async () => {
  await using origin = ScriptedOrigin.start();
  const answer = await askOnce(origin.port, {
    method: "POST",
    target: "/a?b",
    headers: [["X-CaSe", "1"], ["Host", "h"], ["x-case", "2"]],
    body: "hello",
  });
  assertEquals(answer.status, 200);
  const request = await origin.nextRequest();
  assertEquals(
    request.rawHead,
    "POST /a?b HTTP/1.1\r\nX-CaSe: 1\r\nHost: h\r\nx-case: 2\r\nContent-Length: 5\r\n\r\n",
  );
  assertEquals([request.text, request.header("x-case"), request.connection], ["hello", "1, 2", 1]);
});

Deno.test("ScriptedOrigin keeps a connection for several requests and applies rules by count", async () => {
  await using origin = ScriptedOrigin.start({
    rules: [{ target: "/a", times: 1, respond: { body: "first" } }, {
      target: "/a",
      respond: { body: "then" },
    }],
  });
  await using client = await RawClient.connect({ port: origin.port });
  assertEquals((await client.exchange("/a")).text, "first");
  assertEquals((await client.exchange("/a")).text, "then");
  assertEquals((await client.exchange("/other")).text, "");
  assertEquals(origin.connectionCount, 1);
});

Deno.test("ScriptedOrigin holds a chunk back until its gate opens", async () => {
  const gate = new Gate();
  await using origin = ScriptedOrigin.start({
    rules: [{ target: "/", respond: { chunks: ["one", gate, "two"] } }],
  });
  await using client = await RawClient.connect({ port: origin.port });
  await client.request({ target: "/" });
  assertEquals((await client.readHead()).status, 200);
  assertEquals(await client.readChunk(), "one");
  gate.open();
  assertEquals([await client.readChunk(), await client.readChunk()], ["two", undefined]);
});

Deno.test("ScriptedOrigin tells when the peer of a request has gone", async () => {
  const gate = new Gate();
  await using origin = ScriptedOrigin.start({ rules: [{ target: "/", respond: { before: gate } }] });
  const client = await RawClient.connect({ port: origin.port });
  await client.request({ target: "/" });
  const request = await origin.nextRequest();
  await client.close();
  assertEquals(await request.gone, "eof");
});

Deno.test("ScriptedOrigin sends raw bytes and ends the connection", async () => {
  await using origin = ScriptedOrigin.start({ rules: [{ target: "/", respond: { raw: "not http\r\n" } }] });
  await using client = await RawClient.connect({ port: origin.port });
  await client.request({ target: "/" });
  assertEquals(await client.readToEnd(), { text: "not http\r\n", end: "eof" });
});

Deno.test("RawClient tells a truncated body from a whole one", async () => {
  await using origin = ScriptedOrigin.start({
    rules: [{ target: "/", respond: { chunks: ["part"], truncate: true } }],
  });
  await using client = await RawClient.connect({ port: origin.port });
  await client.request({ target: "/" });
  await assertRejects(() => client.readResponse(), Error, "connection ended (eof)");
});

Deno.test("RawClient gives up at its deadline and says what it had", async () => {
  const gate = new Gate();
  await using origin = ScriptedOrigin.start({
    rules: [{ target: "/", respond: { raw: ["HTTP/1.1 2", gate] } }],
  });
  await using client = await RawClient.connect({ port: origin.port });
  await client.request({ target: "/" });
  await assertRejects(() => client.readHead(50), DeadlineError, "HTTP/1.1 2");
});

Deno.test("RawClient reads bodies without length to the end of the connection", async () => {
  await using origin = ScriptedOrigin.start({
    rules: [{ target: "/", respond: { raw: "HTTP/1.1 200 Fine\r\nX: y\r\n\r\nall of it" } }],
  });
  const answer = await askOnce(origin.port, "/");
  assertEquals([answer.text, answer.framing, answer.reason], ["all of it", "close", "Fine"]);
});

Deno.test("ScriptedOrigin gzips a body and answers HEAD without one", async () => {
  await using origin = ScriptedOrigin.start({
    rules: [{ target: "/", respond: { gzip: "hello hello", headers: [["Content-Encoding", "gzip"]] } }],
  });
  const answer = await askOnce(origin.port, "/");
  const plain = new Blob([new Uint8Array(answer.body)]).stream().pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new Response(plain).text(), "hello hello");
  const head = await askOnce(origin.port, { method: "HEAD", target: "/" });
  assertEquals([head.status, head.body.length], [200, 0]);
});
