/** What the origin sees of a request and the client of its answer, byte by byte over raw sockets. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { GRIP_FEATURES } from "../../src/grip/grip_feature.ts";
import { headerOf, headersOf } from "../helpers/http_message.ts";
import { startProxy } from "../helpers/proxy_stand.ts";
import { askOnce, RawClient } from "../helpers/raw_client.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { Gate } from "../helpers/wait.ts";

Deno.test("Journey sends a GET on with the client's fields, Host, Grip-Sig and Grip-Feature", async () => {
  await using origin = ScriptedOrigin.start();
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  await askOnce(proxy.port, { target: "/a?x=1&y=%20z", headers: [["X-Test", "1"], ["User-Agent", "t/1"]] });
  const request = await origin.nextRequest();
  assertEquals(request.target, "/a?x=1&y=%20z");
  assertEquals(request.header("host"), "example.test");
  assertEquals(request.header("x-test"), "1");
  assertEquals(request.header("user-agent"), "t/1");
  assertEquals(request.header("grip-feature"), GRIP_FEATURES);
  assertMatch(request.header("grip-sig") ?? "", /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assertEquals(request.header("content-length"), undefined);
  assertEquals(request.header("x-forwarded-proto"), undefined);
});

Deno.test("Journey tells the origin what encodings the client accepts, after identity", async () => {
  await using origin = ScriptedOrigin.start();
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  await askOnce(proxy.port, { target: "/a", headers: [["Accept-Encoding", "gzip, br"]] });
  await askOnce(proxy.port, "/b");
  assertEquals(headersOf(await origin.nextRequest(), "accept-encoding"), ["identity", "gzip, br"]);
  assertEquals(headersOf(await origin.nextRequest(), "accept-encoding"), ["identity"]);
});

Deno.test("Journey passes an encoded body on as it is, with its label and length", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/a", { headers: [["Content-Encoding", "gzip"]], gzip: "hello hello hello" });
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  const response = await askOnce(proxy.port, { target: "/a", headers: [["Accept-Encoding", "gzip"]] });
  assertEquals(headerOf(response, "content-encoding"), "gzip");
  assertEquals(headerOf(response, "content-length"), String(response.body.length));
  const plain = new Blob([new Uint8Array(response.body)]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new Response(plain).text(), "hello hello hello");
});

Deno.test("Journey keeps hop-by-hop fields, and those that Connection names, on their hop", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/a", {
    headers: [["Connection", "X-Hop"], ["X-Hop", "secret"], ["Keep-Alive", "timeout=9"], ["X-Keep", "1"]],
    body: "x",
  });
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  const response = await askOnce(proxy.port, {
    target: "/a",
    headers: [
      ["Connection", "X-Drop, keep-alive"],
      ["X-Drop", "1"],
      ["TE", "trailers"],
      ["Keep-Alive", "5"],
      ["Proxy-Authorization", "x"],
      ["X-Stay", "1"],
    ],
  });
  const request = await origin.nextRequest();
  for (const gone of ["x-drop", "te", "keep-alive", "proxy-authorization", "connection"]) {
    assertEquals(request.header(gone), undefined, gone);
  }
  assertEquals(request.header("x-stay"), "1");
  for (const gone of ["x-hop", "keep-alive", "connection"]) {
    assertEquals(headerOf(response, gone), undefined, gone);
  }
  assertEquals(headerOf(response, "x-keep"), "1");
  assertEquals(response.text, "x");
});

Deno.test("Journey takes away what a client says in Grip-* fields", async () => {
  await using origin = ScriptedOrigin.start();
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  await askOnce(proxy.port, {
    target: "/a",
    headers: [["Grip-Sig", "forged"], ["Grip-Last", "c; last-id=1"], ["grip-anything", "x"]],
  });
  const request = await origin.nextRequest();
  assertEquals(request.header("grip-last"), undefined);
  assertEquals(request.header("grip-anything"), undefined);
  assert(request.header("grip-sig") !== "forged");
});

for (
  const [method, length] of [["POST", "0"], ["DELETE", "0"], ["PUT", "0"], ["OPTIONS", undefined]] as const
) {
  Deno.test(`Journey sends ${method} without a body with Content-Length ${length ?? "left out"}`, async () => {
    await using origin = ScriptedOrigin.start();
    await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
    for (const headers of [[], [["Content-Length", "0"]]] as const) {
      await askOnce(proxy.port, { method, target: "/a", headers });
      const request = await origin.nextRequest();
      assertEquals(request.method, method);
      assertEquals(request.header("content-length"), length);
      assertEquals(request.header("transfer-encoding"), undefined);
    }
  });
}

Deno.test("Journey sends a small chunked body with its length", async () => {
  await using origin = ScriptedOrigin.start();
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  await using client = await RawClient.connect({ port: proxy.port });
  await client.send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  await client.send("6\r\n world\r\n0\r\n\r\n");
  await client.readResponse();
  const request = await origin.nextRequest();
  assertEquals(request.text, "hello world");
  assertEquals(request.header("content-length"), "11");
});

Deno.test("Journey streams a large body with the length the client gave", async () => {
  await using origin = ScriptedOrigin.start();
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  const body = new Uint8Array(1_000_000).fill(97);
  const response = await askOnce(proxy.port, { method: "POST", target: "/a", body });
  assertEquals(response.status, 200);
  const request = await origin.nextRequest();
  assertEquals(request.header("content-length"), "1000000");
  assertEquals(request.body.length, 1_000_000);
});

Deno.test("Journey streams a chunked body that is longer than what it reads ahead", async () => {
  await using origin = ScriptedOrigin.start();
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  await using client = await RawClient.connect({ port: proxy.port });
  const chunk = `2710\r\n${"a".repeat(10_000)}\r\n`;
  await client.send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (let i = 0; i < 5; i++) await client.send(chunk);
  await client.send("0\r\n\r\n");
  await client.readResponse();
  const request = await origin.nextRequest();
  assertEquals(request.body.length, 50_000);
  assertEquals(request.header("transfer-encoding"), "chunked");
});

Deno.test("Journey relays statuses without a body, and HEAD with the length GET would have", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/204", { status: 204 }).on("/304", { status: 304, headers: [["ETag", '"x"']] })
    .on("/302", { status: 302, headers: [["Location", "/b"]] }).on("/len", { body: "12345" })
    .on("/chunked", { chunks: ["12345"] })
    .on("/conn", { headers: [["Connection", "keep-alive"]], body: "1234567" });
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  await using client = await RawClient.connect({ port: proxy.port });
  assertEquals((await client.exchange("/204")).status, 204);
  const notModified = await client.exchange("/304");
  assertEquals([notModified.status, headerOf(notModified, "etag")], [304, '"x"']);
  const redirect = await client.exchange("/302");
  assertEquals([redirect.status, headerOf(redirect, "location")], [302, "/b"]);
  const length = async (target: string) => {
    const head = await client.exchange({ method: "HEAD", target });
    assertEquals(head.status, 200);
    return headerOf(head, "content-length");
  };
  assertEquals(await length("/len"), "5");
  assertEquals(await length("/conn"), "7");
  assertEquals(await length("/chunked"), undefined);
  assertEquals((await client.exchange("/len")).text, "12345");
});

Deno.test("Journey relays chunks as they come and lets the head go first", async () => {
  await using origin = ScriptedOrigin.start();
  const first = new Gate();
  const second = new Gate();
  origin.on("/a", { chunks: [first, "one\n", second, "two\n"] });
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  await using client = await RawClient.connect({ port: proxy.port });
  await client.request({ target: "/a" });
  assertEquals((await client.readHead()).status, 200);
  first.open();
  assertEquals(await client.readChunk(), "one\n");
  second.open();
  assertEquals(await client.readChunk(), "two\n");
  assertEquals(await client.readChunk(), undefined);
});

Deno.test("Journey keeps two Set-Cookie fields apart, rebuilt or not", async () => {
  await using origin = ScriptedOrigin.start();
  const cookies = [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2; Path=/"]] as const;
  origin.on("/a", { headers: [...cookies, ["Connection", "keep-alive"]], body: "x" })
    .on("/b", { headers: cookies, body: "x" });
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  for (const target of ["/a", "/b"]) {
    assertEquals(headersOf(await askOnce(proxy.port, target), "set-cookie"), ["a=1", "b=2; Path=/"], target);
  }
});

Deno.test("Journey matches routes on the path that the origin will see", async () => {
  await using origin = ScriptedOrigin.start();
  await using proxy = startProxy({
    routes: [
      `h,path_beg=/public 127.0.0.1:${origin.port}`,
      `r,path_beg=/api,replace_beg=/v1/ 127.0.0.1:${origin.port}`,
    ],
  });
  const ask = (host: string, target: string) => askOnce(proxy.port, { target, headers: [["Host", host]] });
  const escaped = await ask("h", "/public/../secret");
  assertEquals([escaped.status, escaped.text], [502, "No route for host: h path: /secret\n"]);
  assertEquals((await ask("h", "/other/%2e%2e/public/x")).status, 200);
  assertEquals((await origin.nextRequest()).target, "/public/x");
  // path_beg has no boundary (as in the original), so what is left after the cut could climb: refused.
  assertEquals((await ask("r", "/api../x")).status, 400);
  assertEquals((await ask("r", "/api/x")).status, 200);
  assertEquals((await origin.nextRequest()).target, "/v1//x");
});

Deno.test("Journey answers what it cannot forward, and says why in the log", async () => {
  await using proxy = startProxy({ routes: ["h 127.0.0.1:1234", "*,proto=ws 127.0.0.1:1234"] });
  const ask = async (request: Parameters<typeof askOnce>[1]) => {
    const { status, text } = await askOnce(proxy.port, request);
    return [status, text];
  };
  assertEquals(await ask({ target: "/x?secret=1", headers: [["Host", "nope"]] }), [
    502,
    "No route for host: nope path: /x\n",
  ]);
  assertEquals(await ask({ method: "TRACE", target: "/", headers: [["Host", "h"]] }), [
    501,
    "Method TRACE is not supported.\n",
  ]);
  assertEquals((await ask({ target: "/", headers: [["Host", "a b/c"]] }))[0], 400);
  assertEquals((await ask({ target: "/", headers: [["Host", "a/c"]] }))[0], 400);
  const upgrade = [["Host", "x"], ["Upgrade", "websocket"], ["Connection", "Upgrade"]] as const;
  assertEquals((await ask({ target: "/ws", headers: upgrade }))[0], 501);
  const reasons = proxy.log.lines.filter(({ level }) => level === "warn").map(({ fields }) => fields.reason);
  assertEquals(reasons, ["no-route", "method-unsupported", "websocket-unsupported"]);
});

Deno.test("Journey writes an access line with target, code and length", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/a", { body: "12345" });
  await using proxy = startProxy({
    routes: [`*,id=main 127.0.0.1:${origin.port}`],
    options: { logFrom: true, logUserAgent: true },
  });
  await askOnce(proxy.port, { target: "/a?b", headers: [["User-Agent", "t/1"], ["Referer", "http://r/"]] });
  assertEquals(
    proxy.log.lines.map(({ message }) => message),
    [`GET http://example.test/a?b -> 127.0.0.1:${origin.port} from=127.0.0.1 ref=http://r/ route=main code=200 5 ua=t/1`],
  );
});
