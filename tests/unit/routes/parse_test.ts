import { assertEquals, assertStringIncludes } from "@std/assert";
import { describeProblem, parseRoutes, type ParseRoutesOptions } from "../../../src/routes/parse.ts";
import type { Route, Target } from "../../../src/routes/route.ts";

function parse(text: string, options: Partial<ParseRoutesOptions> = {}) {
  return parseRoutes(text, { file: "routes", ...options });
}

/** The one route of a text that has no problem. */
function one(text: string, options: Partial<ParseRoutesOptions> = {}): Route {
  const { routes, problems } = parse(text, options);
  assertEquals(problems, []);
  assertEquals(routes.length, 1);
  return routes[0]!;
}

/** What is said about a one-line text that is skipped. */
function refused(text: string, options: Partial<ParseRoutesOptions> = {}): string {
  const { routes, problems } = parse(text, options);
  assertEquals(routes, []);
  assertEquals(problems.map((p) => [p.line, p.kept]), [[1, false]]);
  return problems[0]!.what;
}

/** What is said about a one-line text that is used. */
function noted(text: string, options: Partial<ParseRoutesOptions> = {}): string {
  const { routes, problems } = parse(text, options);
  assertEquals(routes.length, 1);
  assertEquals(problems.map((p) => [p.line, p.kept]), [[1, true]]);
  return problems[0]!.what;
}

const PLAIN_ROUTE: Omit<Route, "targets"> = {
  where: "routes:1",
  condition: { host: "*" },
  pathRem: 0,
  prefix: "",
  headers: [],
  origHeaders: false,
  debug: false,
  grip: true,
  autoCrossOrigin: false,
  jsonp: { mode: "extended", callback: "callback", defaultMethod: "GET" },
  session: false,
};

function httpTarget(hostname: string, port: number, more: Partial<Target> = {}): Target {
  return {
    kind: "http",
    hostname,
    port,
    ssl: false,
    insecure: false,
    trustConnectHost: false,
    untrusted: false,
    overHttp: false,
    oneEvent: false,
    subs: [],
    ...more,
  } as Target;
}

Deno.test("parseRoutes() gives the defaults for a plain line", () => {
  assertEquals(one("* localhost:8000"), { ...PLAIN_ROUTE, targets: [httpTarget("localhost", 8000)] });
});

Deno.test("parseRoutes() reads every property of a condition", () => {
  const route = one(
    "Example.com,proto=http,ssl=yes,id=api,path_beg=/api,path_rem=4,replace_beg=/v2,as_host=other.test:81," +
      "sig_iss=me,sig_key=base64:AA==,prefix=p-,header=X-A:1,header=Cookie:,orig_headers,debug,aco," +
      "jsonp_mode=basic,jsonp_cb=cb,jsonp_body=b,jsonp_defcb=f,no_grip,log_level=3 localhost:8000",
  );
  assertEquals(route, {
    where: "routes:1",
    id: "api",
    condition: { host: "example.com", proto: "http", ssl: true, pathBeg: "/api" },
    pathRem: 4,
    replaceBeg: "/v2",
    asHost: "other.test:81",
    sigIss: "me",
    sigKey: "base64:AA==",
    prefix: "p-",
    headers: [["X-A", "1"], ["Cookie", ""]],
    origHeaders: true,
    debug: true,
    grip: false,
    autoCrossOrigin: true,
    jsonp: { mode: "basic", callback: "cb", body: "b", defaultCallback: "f", defaultMethod: "POST" },
    session: false,
    logLevel: 3,
    targets: [httpTarget("localhost", 8000)],
  });
});

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

Deno.test("parseRoutes() takes the last of a property that is repeated, but for header and sub", () => {
  const route = one(
    "*,prefix=a,proto=tcp,prefix=b,proto=ws,header=A:1,header=A:2 a:1234,host=x,host=y,sub=1,sub=2",
  );
  assertEquals([route.prefix, route.condition.proto, route.headers], ["b", "ws", [["A", "1"], ["A", "2"]]]);
  assertEquals(route.targets, [httpTarget("a", 1234, { host: "y", subs: ["1", "2"] })]);
});

Deno.test("parseRoutes() takes a first word with = for a property of a line that is found by id", () => {
  const route = one("id=a,prefix=p localhost:8000");
  assertEquals([route.id, route.condition, route.prefix], ["a", {}, "p"]);
  assertEquals(one(",id=a localhost:8000").condition, {});
  assertEquals(parse("id=a localhost:8001\nid=b localhost:8002").problems, []);
});

Deno.test("parseRoutes() refuses a line that no request could find", () => {
  assertStringIncludes(refused("prefix=a localhost:8000"), "no request can find this line");
  assertStringIncludes(refused(",debug localhost:8000"), "no request can find this line");
  assertStringIncludes(refused('"" localhost:8000'), "no request can find this line");
});

Deno.test("parseRoutes() understands quotes and their two escapes", () => {
  const route = one(String.raw`*,header="X-A: a, \"b\" \\ #c",prefix=p"q r"s localhost:8000,sub="one two"`);
  assertEquals(route.headers, [["X-A", String.raw`a, "b" \ #c`]]);
  assertEquals(route.prefix, "pq rs");
  assertEquals(route.targets[0].subs, ["one two"]);
  assertEquals(one('"a=b" localhost:8000').condition.host, "a=b");
  assertEquals(one(String.raw`*,prefix=a\b localhost:8000`).prefix, String.raw`a\b`);
});

Deno.test("parseRoutes() refuses open quotes, unknown escapes and empty property names", () => {
  assertStringIncludes(refused('*,prefix="a localhost:8000'), "a quote is not closed");
  assertStringIncludes(refused(String.raw`*,prefix="a\n" localhost:8000`), String.raw`unknown escape "\n"`);
  assertStringIncludes(refused('* localhost:8000,sub="a\\'), "the line ends inside an escape");
  for (
    const line of ["*,,debug a:1234", "*, a:1234", "*,=x a:1234", "* a:1234,", "* a:1234,,ssl", "=x a:1234"]
  ) {
    assertStringIncludes(refused(line), "a property has no name");
  }
});

Deno.test("parseRoutes() leaves comments, blank lines, a byte order mark and CR LF out", () => {
  const text = '\ufeff# all\r\n\r\n   \t\r\n  * localhost:8000   # the rest, "quote\r\n\t# tab\n#* a:1\n';
  const { routes, problems } = parse(text);
  assertEquals(problems, []);
  assertEquals(routes.map((r) => r.where), ["routes:4"]);
  assertEquals(routes[0]!.targets, [httpTarget("localhost", 8000)]);
});

Deno.test("parseRoutes() takes a # inside a word for a part of it, and says so", () => {
  const { routes, problems } = parse("*,sig_key=pass#word localhost:8000");
  assertEquals(routes[0]!.sigKey, "pass#word");
  assertStringIncludes(problems[0]!.what, '"#" inside a word');
});

Deno.test("parseRoutes() refuses a line without targets, and tells about tabs", () => {
  assertStringIncludes(refused("*"), "needs a condition and at least one target");
  assertStringIncludes(refused("* # localhost:80"), "needs a condition and at least one target");
  assertStringIncludes(refused("*\tlocalhost:80"), "a tab does not separate");
});

Deno.test("parseRoutes() loses only the bad lines and names them", () => {
  const { routes, problems } = parse("* a:8000\nb.test b\n\nc.test c:8000\n*,proto=x d:8000");
  assertEquals(routes.map((r) => r.where), ["routes:1", "routes:4"]);
  assertEquals(problems.map((p) => describeProblem("routes", p)), [
    'routes:2: line skipped: target "b" has no port: write "b:80"',
    'routes:5: line skipped: proto must be "http" or "ws", not "x"',
  ]);
});

Deno.test("parseRoutes() refuses values that its properties cannot have", () => {
  assertStringIncludes(refused("*,proto a:8000"), 'proto must be "http" or "ws", not ""');
  assertStringIncludes(refused("*,ssl=true a:8000"), 'ssl must be "yes" or "no", not "true"');
  assertStringIncludes(refused("*,path_beg= a:8000"), "path_beg is empty");
  assertStringIncludes(
    refused("*,path_rem=-1 a:8000"),
    'path_rem must be a number from 0 to 65535, not "-1"',
  );
  assertStringIncludes(refused("*,log_level=9 a:8000"), "log_level must be a number from 0 to 4");
  assertStringIncludes(refused("*,jsonp_mode=x a:8000"), 'jsonp_mode must be "basic" or "extended"');
  assertStringIncludes(refused("*,header=X a:8000"), 'header must be "Name:Value", not "X"');
  assertStringIncludes(refused("*,header=:v a:8000"), "cannot be the name of a field");
  assertStringIncludes(refused('*,header="X Y:v" a:8000'), "cannot be the name of a field");
  assertStringIncludes(refused("*,header=X:a\x01b a:8000"), "a control character");
  assertStringIncludes(refused("*,as_host=a/b a:8000"), 'as_host must be host or host:port, not "a/b"');
  assertStringIncludes(refused("* a:8000,host=a/b"), "host must be host or host:port");
});

Deno.test("parseRoutes() keeps a header value as the bytes of the file", () => {
  assertEquals(one("*,header=X:é\u00a0 a:8000").headers, [["X", "\xc3\xa9\xc2\xa0"]]);
});

Deno.test("parseRoutes() names the property that was probably meant and keeps the line", () => {
  assertEquals(
    noted("* a:8000,overhttp"),
    'unknown target property "overhttp" is ignored: did you mean "over_http"?',
  );
  assertEquals(
    noted("*,path-beg=/x a:8000"),
    'unknown condition property "path-beg" is ignored: did you mean "path_beg"?',
  );
  assertEquals(
    noted("*,prefx=a a:8000"),
    'unknown condition property "prefx" is ignored: did you mean "prefix"?',
  );
  assertEquals(noted("*,quux=1 a:8000"), 'unknown condition property "quux" is ignored');
  assertStringIncludes(noted("* a:8000,prefix=x"), "belongs before the first space");
  assertStringIncludes(noted("*,over_http a:8000"), "belongs to a target");
});

Deno.test("parseRoutes() says what is parsed but does nothing", () => {
  assertEquals(noted("*,session a:8000"), "session is not built yet and is ignored");
  assertEquals(noted("*,sockjs=/s,sockjs_as_path=/t a:8000"), "sockjs is not built yet and is ignored");
  assertEquals(parse("*,sockjs=/s,sockjs_as_path=/t a:8000").routes[0]!.sockjs, {
    prefix: "/s",
    asPath: "/t",
  });
  assertStringIncludes(noted("*,debug=no a:8000"), "turns it on");
  assertStringIncludes(noted("* a:8000,insecure"), "means nothing without ssl");
  assertStringIncludes(noted("* a:8000,one_event"), "means nothing without over_http");
  assertStringIncludes(noted("* a:8000,sub="), "an empty sub");
});

Deno.test("parseRoutes() notes conditions that no request can meet", () => {
  assertStringIncludes(noted("*.example.com a:8000"), "no patterns");
  assertStringIncludes(noted("example.com:8080 a:8000"), "without the port");
  for (const path of ["api", "/a?b=c", "/é", '"/a b"']) {
    assertStringIncludes(noted(`*,path_beg=${path} a:8000`), "can match no request");
  }
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
  assertStringIncludes(refused("* a:8000,ssl,insecure"), "--unsafely-ignore-certificate-errors=a");
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

Deno.test("parseRoutes() resolves the path of a file: key", () => {
  const resolveKeyPath = (path: string) => `/etc/${path}`;
  assertEquals(one("*,sig_key=file:k.pem a:8000", { resolveKeyPath }).sigKey, "file:/etc/k.pem");
  assertEquals(one("*,sig_key=file:k.pem a:8000").sigKey, "file:k.pem");
  assertEquals(one("*,sig_key=secret a:8000", { resolveKeyPath }).sigKey, "secret");
});

Deno.test("parseRoutes() skips a line with the condition of an earlier one, and the first counts", () => {
  const { routes, problems } = parse(
    "a.test a:8001\nA.test,id=x a:8002\na.test,ssl=no a:8003\na.test,path_beg=/x a:8004\na.test,proto=ws a:8005",
  );
  assertEquals(routes.map((r) => r.where), ["routes:1", "routes:3", "routes:4", "routes:5"]);
  assertEquals(problems.map((p) => describeProblem("routes", p)), [
    "routes:2: line skipped: no request can reach this line: line 1 has the same host, proto, ssl and path_beg",
  ]);
});

Deno.test("parseRoutes() notes an id that two lines have, but not one of a skipped line", () => {
  const { routes, problems } = parse(
    "a.test,id=x a:8001\nb.test,id=x a:8002\na.test,id=y a:1234\nc.test,id=y a:8003",
  );
  assertEquals(routes.map((r) => r.where), ["routes:1", "routes:2", "routes:4"]);
  assertEquals(problems.map((p) => [p.line, p.kept]), [[2, true], [3, false]]);
  assertStringIncludes(problems[0]!.what, "no line can be found by it");
});

Deno.test("describeProblem() stays one printable line of bounded length", () => {
  const [problem] = parse(`* ${"\x1b[31m"}${"x".repeat(1000)}\r`).problems;
  const text = describeProblem("routes", problem!);
  // deno-lint-ignore no-control-regex
  assertEquals(/[\x00-\x1f\x7f]/.test(text), false);
  assertEquals(text.length < 450, true);
});

Deno.test("routes.example is read without a problem", async () => {
  const text = await Deno.readTextFile(new URL("../../../routes.example", import.meta.url));
  const { routes, problems } = parse(text);
  assertEquals(problems.map((p) => describeProblem("routes.example", p)), []);
  assertEquals(routes.length, text.split("\n").filter((line) => /^[^#\s]/.test(line)).length);
});

Deno.test("routes.example shows every property", async () => {
  const { CONDITION_PROPERTIES } = await import("../../../src/routes/condition.ts");
  const { TARGET_PROPERTIES } = await import("../../../src/routes/target.ts");
  const text = await Deno.readTextFile(new URL("../../../routes.example", import.meta.url));
  const missing = [...CONDITION_PROPERTIES, ...TARGET_PROPERTIES].filter((name) => !text.includes(name));
  assertEquals(missing, []);
});
