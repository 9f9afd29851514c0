/** TLS on both sides: origins whose name is not their address, origins that want a certificate, and our own listener. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { assertEquals } from "@std/assert";
import { headerOf } from "../helpers/http_message.ts";
import { AUTHORITY_CERT, CLIENT_CERT, CLIENT_KEY, SERVER_CERT, SERVER_KEY } from "../helpers/certificates.ts";
import { startProxy } from "../helpers/proxy_stand.ts";
import { askOnce } from "../helpers/raw_client.ts";

interface TlsOrigin extends AsyncDisposable {
  readonly port: number;
  readonly seen: string[];
}

function startTlsOrigin(): TlsOrigin {
  const seen: string[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", cert: SERVER_CERT, key: SERVER_KEY, onListen: () => {} },
    async (request) => {
      seen.push(`${request.method} ${request.headers.get("host")} ${(await request.bytes()).length}`);
      return new Response("secret", {
        headers: { "x-proto": request.headers.get("x-forwarded-proto") ?? "" },
      });
    },
  );
  return { port: server.addr.port, seen, [Symbol.asyncDispose]: () => server.shutdown() };
}

const options = { caCerts: [AUTHORITY_CERT] };

Deno.test("OriginClient verifies the name that the request is for, whatever address it connects to", async () => {
  await using origin = startTlsOrigin();
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port},ssl`], options });
  const ask = (host: string, body = "") =>
    askOnce(proxy.port, {
      method: body === "" ? "GET" : "POST",
      target: "/",
      headers: [["Host", host]],
      body,
    });
  assertEquals((await ask("origin.test")).text, "secret");
  assertEquals((await ask("origin.test:8443", "x".repeat(200_000))).text, "secret");
  assertEquals((await ask("127.0.0.1")).text, "secret");
  assertEquals((await ask("wrong.test")).status, 502);
  assertEquals(proxy.log.lines.at(-1)?.fields.reason, "tls");
  assertEquals(origin.seen, ["GET origin.test 0", "POST origin.test:8443 200000", "GET 127.0.0.1 0"]);
});

Deno.test("OriginClient verifies the target's own name with trust_connect_host, and host= otherwise", async () => {
  await using origin = startTlsOrigin();
  await using proxy = startProxy({
    routes: [
      `a 127.0.0.1:${origin.port},ssl,trust_connect_host`,
      `b 127.0.0.1:${origin.port},ssl,host=origin.test`,
      `c 127.0.0.1:${origin.port},ssl,host=wrong.test 127.0.0.1:${origin.port},ssl,trust_connect_host`,
    ],
    options,
  });
  for (const host of ["a", "b", "c"]) {
    const response = await askOnce(proxy.port, { target: "/", headers: [["Host", host]] });
    assertEquals(response.text, "secret", host);
  }
  assertEquals(origin.seen, ["GET a 0", "GET origin.test 0", "GET c 0"]);
});

Deno.test("OriginClient trusts no authority that it was not given", async () => {
  await using origin = startTlsOrigin();
  await using proxy = startProxy({ routes: [`* 127.0.0.1:${origin.port},ssl,trust_connect_host`] });
  assertEquals((await askOnce(proxy.port, "/")).status, 502);
  assertEquals(proxy.log.lines.at(-1)?.fields.reason, "tls");
  assertEquals(origin.seen, []);
});

Deno.test("OriginClient refuses private addresses for untrusted targets, named or not", async () => {
  await using origin = startTlsOrigin();
  await using proxy = startProxy({
    routes: [
      `a 127.0.0.1:${origin.port},untrusted`,
      `b localhost:${origin.port},untrusted`,
      `c,debug 127.0.0.1:${origin.port},untrusted,ssl`,
    ],
    options,
  });
  for (const host of ["a", "b", "c"]) {
    const response = await askOnce(proxy.port, { target: "/", headers: [["Host", host]] });
    assertEquals(response.status, 502, host);
    assertEquals(proxy.log.lines.at(-1)?.fields.reason, "policy", host);
    if (host === "c") assertEquals(response.text, "Error: Origin host/IP blocked.\n");
  }
  assertEquals(origin.seen, []);
});

Deno.test("OriginClient shows its certificate to origins that ask for one", async () => {
  const server = createServer({
    cert: SERVER_CERT,
    key: SERVER_KEY,
    ca: AUTHORITY_CERT,
    requestCert: true,
    rejectUnauthorized: true,
  }, (_request, response) => response.end("known"));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const files = new Map([["c.pem", CLIENT_CERT], ["c.key", CLIENT_KEY]]);
  try {
    await using proxy = startProxy({
      routes: [
        `a 127.0.0.1:${port},ssl,trust_connect_host,client_cert=c.pem,client_key=c.key`,
        `origin.test 127.0.0.1:${port},ssl,client_cert=c.pem,client_key=c.key`,
        `b 127.0.0.1:${port},ssl,trust_connect_host`,
      ],
      readFile: (path) => files.get(path) ?? "",
      options,
    });
    const ask = (host: string) => askOnce(proxy.port, { target: "/", headers: [["Host", host]] });
    assertEquals((await ask("a")).text, "known");
    assertEquals((await ask("origin.test")).text, "known");
    assertEquals((await ask("b")).status, 502);
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

Deno.test("Listener takes TLS clients and tells origins so", async () => {
  await using origin = startTlsOrigin();
  await using proxy = startProxy({
    routes: [`*,ssl=yes 127.0.0.1:${origin.port},ssl,trust_connect_host`],
    options,
    address: { kind: "tcp", hostname: "127.0.0.1", port: 0, tls: { cert: SERVER_CERT, key: SERVER_KEY } },
  });
  for (const http2 of [false, true]) {
    using client = Deno.createHttpClient({ caCerts: [AUTHORITY_CERT], http2, http1: !http2 });
    const init: RequestInit & { client: Deno.HttpClient } = { client };
    const response = await fetch(`https://localhost:${proxy.port}/`, init);
    assertEquals(await response.text(), "secret");
    assertEquals(response.headers.get("x-proto"), "https");
  }
  assertEquals(origin.seen, [`GET localhost:${proxy.port} 0`, `GET localhost:${proxy.port} 0`]);
});

Deno.test("Listener serves a unix socket, over one that a killed process left behind too", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const path = `${dir}/client.sock`;
    for (let start = 0; start < 2; start++) {
      await using _proxy = startProxy({ routes: ["* test"], address: { kind: "unix", path, mode: 0o600 } });
      assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
      using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
      const init: RequestInit & { client: Deno.HttpClient } = { client };
      assertEquals((await (await fetch("http://h/", init)).text()).startsWith("This is"), true);
      if (start === 0) {
        Deno.renameSync(path, `${path}.old`);
        Deno.listen({ transport: "unix", path }).close();
      }
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("Listener says which address cannot be had, and why", async () => {
  await using proxy = startProxy({ routes: ["* test"] });
  let message = "";
  try {
    await using _second = startProxy({
      routes: ["* test"],
      address: { kind: "tcp", hostname: "127.0.0.1", port: proxy.port },
    });
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(
    message,
    `Cannot listen on 127.0.0.1:${proxy.port}: address in use: set http_port or stop the other process`,
  );
});

Deno.test("test target shows proxying and holding without a backend", async () => {
  await using proxy = startProxy({ routes: ["* test", "p,path_beg=/try test"] });
  const ask = (target: string, host = "h") => askOnce(proxy.port, { target, headers: [["Host", host]] });
  const greeting = await ask("/");
  assertEquals([greeting.status, headerOf(greeting, "content-type")], [200, "text/plain"]);
  assertEquals([(await ask("/nope")).status, (await ask("/nope")).text], [404, "no such test resource\n"]);
  for (const target of ["/response", "/stream?channel=a&channel=%C3%A9,;%22", "/sse"]) {
    assertEquals((await ask(target)).text, "held", target);
  }
  assertEquals((await ask("/try/response", "p")).text, "held");
  assertEquals(
    proxy.kept.map(({ answer: { instruct } }) => [
      instruct.hold?.mode,
      instruct.channels.map(({ name }) => name),
      new TextDecoder().decode(instruct.body),
    ]),
    [
      ["response", ["test"], "nothing for now\n"],
      ["stream", ["a", 'é,;"'], "[stream opened]\n"],
      ["stream", ["test"], "event:stream-open\ndata:\n\n"],
      ["response", ["test"], "nothing for now\n"],
    ],
  );
  const echo = await askOnce(proxy.port, {
    method: "POST",
    target: "/echo",
    headers: [["Content-Type", "x/y"]],
    body: "back",
  });
  assertEquals([echo.text, headerOf(echo, "content-type")], ["back", "x/y"]);
  const large = await askOnce(proxy.port, { method: "POST", target: "/echo", body: "x".repeat(100_001) });
  assertEquals(large.status, 400);
});
