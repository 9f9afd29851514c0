import { assertEquals, assertStringIncludes } from "@std/assert";
import { httpTarget, one, refused } from "../../helpers/route_lines.ts";

Deno.test("parseRoutes() reads every property of a target", () => {
  const files = new Map([["c.pem", "CERT"], ["k.pem", "KEY"]]);
  const route = one(
    "* a.test:8000,ssl,insecure,trust_connect_host,host=b.test:1,over_http,one_event,sub=x,sub=y,untrusted," +
      "client_cert=c.pem,client_key=k.pem [::1]:80 test,sub=z",
    { allowInsecure: (h) => h === "a.test", readFile: (p) => files.get(p)! },
  );
  assertEquals(route.targets, [
    httpTarget("a.test", 8000, {
      ssl: true,
      host: "b.test:1",
      insecure: true,
      trustConnectHost: true,
      untrusted: true,
      overHttp: true,
      oneEvent: true,
      subs: ["x", "y"],
      clientCert: { cert: "CERT", key: "KEY" },
    }),
    httpTarget("::1", 80),
    { kind: "test", subs: ["z"] },
  ]);
});

Deno.test("parseRoutes() refuses targets that are none, with what would do", () => {
  assertStringIncludes(refused("* localhost"), 'write "localhost:80"');
  assertStringIncludes(refused("* [::1]"), 'write "[::1]:80"');
  assertStringIncludes(refused("* ::1:80"), "in brackets");
  assertStringIncludes(refused("* http://a:80"), "without a scheme");
  assertStringIncludes(refused("* ,ssl"), "no host:port before its properties");
  assertStringIncludes(refused("* ssl=1"), "no host:port before its properties");
  for (
    const spec of [
      "a:b:80",
      "[::g]:80",
      "[1.2.3.4]:80",
      "a/b:80",
      "1.2.3:80",
      "1.2.3.400:80",
      ":80",
      "a@b:80",
    ]
  ) {
    assertStringIncludes(refused(`* ${spec}`), "must be host:port");
  }
});

Deno.test("parseRoutes() refuses ports out of range and those that the runtime blocks", () => {
  for (const port of ["0", "65536", "x", "", "-1", "1e3", "123456"]) {
    assertStringIncludes(refused(`* a:${port}`), "must be a number from 1 to 65535");
  }
  for (const port of [22, 25, 6000, 6667, 10080]) {
    assertStringIncludes(refused(`* a:${port}`), `refuses to connect to port ${port}`);
  }
  assertEquals(one("* a:65535").targets, [httpTarget("a", 65535)]);
});

Deno.test("parseRoutes() reads IPv6 targets of every spelling", () => {
  for (const v6 of ["::", "::1", "fe80::1:2", "1:2:3:4:5:6:7:8", "::ffff:127.0.0.1", "1:2:3:4:5:6:1.2.3.4"]) {
    assertEquals(one(`* [${v6}]:8000`).targets, [httpTarget(v6, 8000)]);
  }
  for (const v6 of ["1:2:3:4:5:6:7", "1::2::3", "1:2:3:4:5:6:7:8::", ":1", "12345::", "::1.2.3"]) {
    assertStringIncludes(refused(`* [${v6}]:8000`), "must be host:port");
  }
});

Deno.test("parseRoutes() refuses what this runtime cannot do for a target", () => {
  assertStringIncludes(refused("* zhttp/tcp://127.0.0.1:10000"), "not built");
  assertStringIncludes(refused("* zhttpreq/ipc://x,ipc_file_mode=600"), "not built");
  assertStringIncludes(refused("* a:8000,ssl,insecure"), "DENO_CERT=FILE");
  assertStringIncludes(refused("* a:8000,ssl,insecure", { allowInsecure: () => false }), "insecure");
});

Deno.test("parseRoutes() makes an unreadable certificate the problem of its line", () => {
  const readFile = () => {
    throw new Error("no such file");
  };
  const certs = "client_cert=c.pem,client_key=k.pem";
  assertEquals(
    refused(`* a:8000,ssl,${certs}`, { readFile }),
    'target "a:8000": client_cert "c.pem" cannot be read: no such file',
  );
  assertStringIncludes(refused(`* a:8000,ssl,${certs}`), "cannot be read here");
  assertStringIncludes(refused("* a:8000,ssl,client_cert=c.pem"), "no client_key");
  assertStringIncludes(refused("* a:8000,ssl,client_key=c.pem"), "no client_cert");
});
