/**
 * No request can end the process or make it deaf. Each of these did, in this runtime or the one before: the deed is done
 * over a raw socket, and then the server answers.
 */
import { assertEquals } from "@std/assert";
import { guardProcess } from "../../src/server/edge/guards.ts";
import { listenClients } from "../../src/server/edge/listener.ts";
import { headerOf } from "../helpers/http_message.ts";
import { recordLog } from "../helpers/log_recorder.ts";
import { startProxy } from "../helpers/proxy_stand.ts";
import { askOnce, RawClient } from "../helpers/raw_client.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { eventually, Gate } from "../helpers/wait.ts";

// A control character in a response header is a panic of the runtime's HTTP writer: the whole process ends.
Deno.test("Journey sends no header value with control characters that instructions give", async () => {
  await using origin = ScriptedOrigin.start();
  const headers = [["X-Bad", "a\u0001b"], ["X-Del", "a\u007fb"], ["X-Good", "é\tb"], [
    "Bad Name",
    "x",
  ]];
  const body = new TextEncoder().encode(JSON.stringify({ response: { headers, body: "b" } }));
  origin.on("/a", { headers: [["Content-Type", "application/grip-instruct"]], body });
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  const response = await askOnce(proxy.port, "/a");
  assertEquals([response.status, response.text, headerOf(response, "x-good")], [200, "b", "Ã©\tb"]);
  for (const name of ["x-bad", "x-del", "bad name"]) assertEquals(headerOf(response, name), undefined, name);
  assertEquals((await askOnce(proxy.port, "/b")).status, 200);
});

Deno.test("Journey survives control characters in what origins and clients send raw", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/a", { raw: "HTTP/1.1 200 OK\r\nX-Bad: a\u0001b\r\nContent-Length: 1\r\n\r\nx" });
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  assertEquals((await askOnce(proxy.port, "/a")).status, 502);
  assertEquals((await askOnce(proxy.port, { target: "/b", headers: [["X-Bad", "a\u0001b"]] })).status, 400);
  assertEquals((await askOnce(proxy.port, "/c")).status, 200);
});

// An upgrade that is taken up and then not answered with it shuts the listener down.
Deno.test("Journey goes on listening after every kind of upgrade request", async () => {
  await using origin = ScriptedOrigin.start();
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port}`] });
  const key = ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="] as const;
  const upgrades = [
    [["Upgrade", "websocket"], ["Connection", "Upgrade"], key, ["Sec-WebSocket-Version", "13"]],
    [["Upgrade", "WebSocket"], ["Connection", "Upgrade"]],
    [["Upgrade", "h2c"], ["Connection", "Upgrade, HTTP2-Settings"], ["HTTP2-Settings", "x"]],
  ] as const;
  for (const headers of upgrades) {
    await using client = await RawClient.connect({ port: proxy.port });
    await client.request({ target: "/ws", headers });
    await client.close();
    await askOnce(proxy.port, { target: "/ws", headers });
  }
  assertEquals((await askOnce(proxy.port, "/after")).status, 200);
});

// Once: a client that left between the origin's head and our answer ended the process ("Bad resource ID").
Deno.test("Journey survives clients that leave at any moment", async () => {
  await using origin = ScriptedOrigin.start();
  const gate = new Gate();
  origin.on("/slow", { before: gate, body: "x" }).on("/head", { chunks: ["x", gate] })
    .on("/grip", { headers: [["Grip-Hold", "stream"], ["Grip-Channel", "c"]], chunks: ["x", gate] });
  await using proxy = startProxy({
    routes: [`* 127.0.0.1:${origin.port}`],
    keep: (_request, { stream }) => Promise.resolve(new Response(stream)),
  });
  const log = recordLog();
  using _guard = guardProcess(log);
  for (const target of ["/slow", "/head", "/grip", "/plain"]) {
    for (const delays of [0, 1, 2, 5]) {
      const client = await RawClient.connect({ port: proxy.port });
      await client.send(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
      for (let i = 0; i < delays; i++) await new Promise((done) => setTimeout(done, 1));
      await client.close();
    }
  }
  gate.open();
  assertEquals((await askOnce(proxy.port, "/after")).status, 200);
  assertEquals(log.lines, []);
});

Deno.test("guardProcess() keeps the process alive and says what was not caught", async () => {
  const log = recordLog();
  using _guard = guardProcess(log);
  await using listener = listenClients({ kind: "tcp", hostname: "127.0.0.1", port: 0 }, {
    log,
    handler: (client) => {
      if (client.path === "/reject") Promise.reject(new Error("nobody waits"));
      if (client.path === "/timer") {
        setTimeout(() => {
          throw new Error("in a timer");
        });
      }
      if (client.path === "/throw") throw new Error("at once");
      if (client.path === "/later") return Promise.reject(new Error("later"));
      return Promise.resolve(new Response("ok"));
    },
  });
  const port = listener.address.kind === "tcp" ? listener.address.port : 0;
  assertEquals((await askOnce(port, "/reject")).status, 200);
  assertEquals((await askOnce(port, "/timer")).status, 200);
  assertEquals((await askOnce(port, "/throw")).status, 500);
  assertEquals((await askOnce(port, "/later")).status, 500);
  await eventually(() => log.lines.length === 4);
  assertEquals((await askOnce(port, "/after")).text, "ok");
  assertEquals(
    log.lines.map(({ message, fields }) => `${message}: ${fields.error}`).sort(),
    [
      "Request failed: at once",
      "Request failed: later",
      "Uncaught error: in a timer",
      "Unhandled rejection: nobody waits",
    ],
  );
});

Deno.test("Listener answers nonsense with 400 and goes on", async () => {
  await using proxy = startProxy({ routes: ["* test"] });
  for (const nonsense of ["GARBAGE\r\n\r\n", "GET x HTTP/1.1\r\nHost: h\r\n\r\n", "\r\n\r\n\r\n\u0000"]) {
    await using client = await RawClient.connect({ port: proxy.port });
    await client.send(nonsense);
    if (nonsense.startsWith("G")) assertEquals((await client.readResponse()).status, 400, nonsense);
  }
  assertEquals((await askOnce(proxy.port, "/")).status, 200);
});
