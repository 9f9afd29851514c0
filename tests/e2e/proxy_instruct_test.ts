/** Which responses are instructions, and what of them reaches the holds (spec 1.10, 2.4). */
import { assert, assertEquals } from "@std/assert";
import { latin1Text } from "../helpers/bytes.ts";
import { headerOf } from "../helpers/http_message.ts";
import { type KeptClient, startProxy } from "../helpers/proxy_stand.ts";
import { askOnce, RawClient } from "../helpers/raw_client.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";

const ORIGIN_ERROR = "Error while proxying to origin.\n";
const HOLD = [["Grip-Hold", "response"], ["Grip-Channel", "c"]] as const;
const STREAM = [["Grip-Hold", "stream"], ["Grip-Channel", "c"]] as const;
const INSTRUCT = [["Content-Type", "application/grip-instruct"]] as const;

function onlyKept(kept: readonly KeptClient[]): KeptClient {
  assertEquals(kept.length, 1);
  return kept[0]!;
}

Deno.test("Journey hands a response with Grip-Hold to the holds, with its body", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/a", { headers: [...HOLD, ["X-A", "1"]], body: "nothing yet" });
  await using proxy = startProxy({ routes: [`*,as_host=other:81 127.0.0.1:${origin.port}`] });
  assertEquals((await askOnce(proxy.port, { method: "POST", target: "/a?b", body: "ask" })).text, "held");
  const { answer, request } = onlyKept(proxy.kept);
  assertEquals(answer.instruct.hold?.mode, "response");
  assertEquals(answer.instruct.channels.map(({ name }) => name), ["c"]);
  assertEquals(latin1Text(answer.instruct.body), "nothing yet");
  assertEquals(headerOf(answer.instruct.head, "x-a"), "1");
  assertEquals(headerOf(answer.instruct.head, "grip-hold"), undefined);
  assertEquals(request.uri, "http://other:81/a?b");
  assertEquals(latin1Text(request.replayBody!), "ask");
  assertEquals(request.peerAddress, "127.0.0.1");
  assert(proxy.log.find("info", / accept$/));
});

for (const coding of ["gzip", "deflate"] as const) {
  Deno.test(`Journey decodes ${coding} before a body is held or read as instructions`, async () => {
    const encode = async (text: string) =>
      new Uint8Array(
        await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream(coding)))
          .arrayBuffer(),
      );
    await using origin = ScriptedOrigin.start();
    const label = ["Content-Encoding", coding] as const;
    const json = JSON.stringify({ hold: { channels: [{ name: "j" }] }, response: { body: "b" } });
    origin.on("/h", { headers: [...HOLD, label], body: await encode("plain text") });
    origin.on("/j", { headers: [...INSTRUCT, label], body: await encode(json) });
    await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
    for (const target of ["/h", "/j"]) {
      await askOnce(proxy.port, { target, headers: [["Accept-Encoding", "gzip, deflate"]] });
    }
    assertEquals(proxy.kept.map(({ answer }) => latin1Text(answer.instruct.body)), ["plain text", "b"]);
    assertEquals(headerOf(proxy.kept[0]!.answer.instruct.head, "content-encoding"), undefined);
  });
}

Deno.test("Journey answers 502 where instructions cannot be decoded or understood", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/z", { headers: [...HOLD, ["Content-Encoding", "zstd"]], body: "x" });
  origin.on("/g", { headers: [...HOLD, ["Content-Encoding", "gzip"]], body: "no gzip" });
  origin.on("/v", { headers: [["Grip-Hold", "none"]], body: "x" });
  origin.on("/j", { headers: INSTRUCT, body: "{nope" });
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  for (const target of ["/z", "/g", "/v", "/j"]) {
    const response = await askOnce(proxy.port, target);
    assertEquals([response.status, response.text], [502, ORIGIN_ERROR], target);
  }
  const reasons = proxy.log.lines.filter(({ level }) => level === "warn").map(({ fields }) => fields.reason);
  assertEquals(reasons, ["unknown-encoding", "bad-response", "bad-instruct", "bad-instruct"]);
  assertEquals(proxy.kept.length, 0);
});

Deno.test("Journey refuses a held body over 100 000 bytes, and streams one that may be streamed", async () => {
  const large = "x".repeat(100_001);
  await using origin = ScriptedOrigin.start();
  origin.on("/response", { headers: HOLD, body: large });
  origin.on("/instruct", { headers: INSTRUCT, body: large });
  origin.on("/build-id", {
    headers: [["Grip-Hold", "stream"], ["Grip-Channel", "c; filter=build-id"]],
    chunks: [large],
  });
  origin.on("/stream", { headers: STREAM, body: large });
  origin.on("/next", { headers: [["Grip-Link", "</n>; rel=next"]], chunks: [large, large] });
  await using proxy = startProxy({
    routes: [`* 127.0.0.1:${origin.port}`],
    keep: (_request, { stream }) => Promise.resolve(new Response(stream)),
  });
  for (const target of ["/response", "/instruct", "/build-id"]) {
    const response = await askOnce(proxy.port, target);
    assertEquals([response.status, response.text], [502, ORIGIN_ERROR], target);
    assertEquals(proxy.log.lines.at(-1)?.fields.reason, "instruct-too-large", target);
  }
  assertEquals((await askOnce(proxy.port, "/stream")).body.length, 100_001);
  assertEquals((await askOnce(proxy.port, "/next")).body.length, 200_002);
  assertEquals(proxy.kept.length, 2);
});

Deno.test("Journey answers at once where Grip fields ask for nothing, however large the body", async () => {
  const large = "x".repeat(300_000);
  await using origin = ScriptedOrigin.start();
  const stray = [["Grip-Channel", "zz"], ["Grip-Timeout", "3"], ["X-A", "1"]] as const;
  origin.on("/small", { headers: [...stray, ["Grip-Status", "404 Gone away"]], body: "b\n" });
  origin.on("/large", { headers: stray, body: large });
  origin.on("/chunks", { headers: stray, chunks: [large] });
  origin.on("/exposed", { headers: [...stray, ["X-B", "2"], ["Grip-Expose-Headers", "X-B"]], body: "b" });
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  const small = await askOnce(proxy.port, "/small");
  assertEquals([small.status, small.text, headerOf(small, "content-length")], [404, "b\n", "2"]);
  assertEquals([headerOf(small, "grip-channel"), headerOf(small, "x-a")], [undefined, "1"]);
  const whole = await askOnce(proxy.port, "/large");
  assertEquals([whole.body.length, headerOf(whole, "content-length")], [300_000, "300000"]);
  assertEquals((await askOnce(proxy.port, "/chunks")).body.length, 300_000);
  const exposed = await askOnce(proxy.port, "/exposed");
  assertEquals([headerOf(exposed, "x-a"), headerOf(exposed, "x-b")], [undefined, "2"]);
  const head = await askOnce(proxy.port, { method: "HEAD", target: "/small" });
  assertEquals([head.status, headerOf(head, "content-length")], [404, "2"]);
  assertEquals(proxy.kept.length, 0);
});

Deno.test("Journey holds a request only where it could be sent again", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/", { headers: HOLD, body: "x" });
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  const refused = await askOnce(proxy.port, { method: "POST", target: "/a", body: "x".repeat(100_001) });
  assertEquals([refused.status, refused.text], [400, "Request too large to accept GRIP instruct.\n"]);
  const held = await askOnce(proxy.port, { method: "POST", target: "/b", body: "x".repeat(100_000) });
  assertEquals(held.text, "held");
  const chunked = async (size: number) => {
    await using client = await RawClient.connect({ port: proxy.port });
    await client.send("POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (let sent = 0; sent < size; sent += 10_000) await client.send(`2710\r\n${"x".repeat(10_000)}\r\n`);
    await client.send("0\r\n\r\n");
    return (await client.readResponse()).status;
  };
  assertEquals(await chunked(100_000), 200);
  assertEquals(await chunked(110_000), 400);
  assertEquals(proxy.kept.map(({ request }) => request.replayBody?.length), [100_000, 100_000]);
});

Deno.test("Journey leaves Grip fields alone on a no_grip route", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/a", { headers: HOLD, body: "x" });
  await using proxy = startProxy({ routes: [`*,no_grip 127.0.0.1:${origin.port}`] });
  const response = await askOnce(proxy.port, "/a");
  assertEquals([response.text, headerOf(response, "grip-hold")], ["x", "response"]);
  const request = await origin.nextRequest();
  assertEquals([request.header("grip-sig"), request.header("grip-feature")], [undefined, undefined]);
});

Deno.test("Journey trusts what another proxy signed with upstream_key, and nobody else", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/a", { headers: HOLD, body: "x" });
  await using back = startProxy({
    routes: [`* 127.0.0.1:${origin.port}`],
    options: { upstreamKey: "shared", sigIss: "back" },
  });
  await using front = startProxy({ routes: [`* 127.0.0.1:${back.port}`], options: { sigKey: "shared" } });
  await using stranger = startProxy({ routes: [`* 127.0.0.1:${back.port}`], options: { sigKey: "other" } });
  assertEquals((await askOnce(front.port, "/a")).text, "held");
  assertEquals([front.kept.length, back.kept.length], [1, 0]);
  const trusted = await origin.nextRequest();
  const claims = JSON.parse(atob(trusted.header("grip-sig")!.split(".")[1]!));
  assertEquals(claims.iss, "pushpin");
  await askOnce(stranger.port, "/a");
  assertEquals([stranger.kept.length, back.kept.length], [0, 1]);
});

Deno.test("Journey.retry() sends the request again with Grip-Last, and gives the new answer", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/a", { headers: HOLD, body: "first" });
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  await askOnce(proxy.port, { method: "POST", target: "/a", headers: [["X-A", "1"]], body: "again" });
  const { request, asker } = onlyKept(proxy.kept);
  origin.on("/a", { body: "second" });
  const answer = await asker.retry(request, [["Grip-Last", "c; last-id=7"]], new AbortController().signal);
  assert(answer.kind === "relay");
  assertEquals(await answer.response.text(), "second");
  await origin.nextRequest();
  const again = await origin.nextRequest();
  assertEquals([again.method, again.text, again.header("x-a")], ["POST", "again", "1"]);
  assertEquals(again.header("grip-last"), "c; last-id=7");
  assert(proxy.log.find("info", /code=200 6 retry #c=7$/));
});

Deno.test("Journey.fetchLink() follows links inside the route and outside of it", async () => {
  await using origin = ScriptedOrigin.start();
  await using other = ScriptedOrigin.start();
  origin.on("/v1/a", { headers: STREAM, body: "first" });
  origin.on("/v1/next", { status: 404, headers: [["X-N", "1"]], body: "next" });
  await using proxy = startProxy({
    routes: [`*,path_beg=/api,replace_beg=/v1,header=X-Route:yes 127.0.0.1:${origin.port}`],
  });
  await askOnce(proxy.port, { target: "/api/a", headers: [["Cookie", "secret"]] });
  const { request, asker } = onlyKept(proxy.kept);
  await origin.nextRequest();
  const { signal } = new AbortController();
  const gripLast = [["Grip-Last", "c; last-id=7"]] as const;
  const inside = await asker.fetchLink(request, { method: "GET", uri: "next?x", gripLast }, signal);
  assertEquals([inside.head.code, inside.uri], [404, "http://example.test/api/next?x"]);
  assertEquals(await new Response(inside.body as ReadableStream<Uint8Array<ArrayBuffer>>).text(), "next");
  const next = await origin.nextRequest();
  assertEquals([next.target, next.header("host")], ["/v1/next?x", "example.test"]);
  assertEquals([next.header("grip-last"), next.header("x-route")], ["c; last-id=7", "yes"]);
  assertEquals(next.header("cookie"), undefined);
  const uri = `http://127.0.0.1:${other.port}/gone`;
  const outside = await asker.fetchLink(request, { method: "POST", uri, gripLast: [] }, signal);
  await outside.body?.cancel();
  const gone = await other.nextRequest();
  assertEquals([gone.method, gone.target, gone.header("content-length")], ["POST", "/gone", "0"]);
  assertEquals(gone.header("x-route"), undefined);
  assert(gone.header("grip-sig") !== undefined);
});
