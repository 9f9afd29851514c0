import { assertEquals, assertStringIncludes } from "@std/assert";
import { describeProblem } from "../../../src/routes/parse.ts";
import { httpTarget, noted, one, parse, PLAIN_ROUTE, refused } from "../../helpers/route_lines.ts";

Deno.test("parseRoutes() gives the defaults for a plain line", () => {
  assertEquals(one("* localhost:8000"), { ...PLAIN_ROUTE, targets: [httpTarget("localhost", 8000)] });
});

Deno.test("parseRoutes() reads every property of a condition", () => {
  const { routes: [route], problems } = parse(
    "Example.com,proto=http,ssl=yes,id=api,path_beg=/api,path_rem=4,replace_beg=/v2,as_host=other.test:81," +
      "sig_iss=me,sig_key=base64:AA==,prefix=p-,header=X-A:1,header=Cookie:,orig_headers,debug,aco," +
      "jsonp_mode=basic,jsonp_cb=cb,jsonp_body=b,jsonp_defcb=f,no_grip,log_level=3 localhost:8000",
  );
  assertEquals(problems.map((p) => p.what), [
    "aco, jsonp_mode, jsonp_cb, jsonp_body, jsonp_defcb are not built yet and ignored",
  ]);
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
  assertEquals(noted("*,session a:8000"), "session is not built yet and ignored");
  assertEquals(
    noted("*,sockjs=/s,sockjs_as_path=/t a:8000"),
    "sockjs, sockjs_as_path are not built yet and ignored",
  );
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
