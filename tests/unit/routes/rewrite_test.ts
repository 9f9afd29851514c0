import { assertEquals } from "@std/assert";
import type { Header } from "../../../src/grip/head.ts";
import { parseRoutes } from "../../../src/routes/parse.ts";
import {
  connectAuthority,
  headerEdits,
  rewritePath,
  routeAuthority,
  targetAuthority,
  targetPath,
} from "../../../src/routes/rewrite.ts";
import type { Route } from "../../../src/routes/route.ts";

function route(line: string): Route {
  return parseRoutes(line, { file: "r" }).routes[0]!;
}

function rewritten(condition: string, ...paths: readonly string[]): readonly string[] {
  const r = route(`${condition} a:8000`);
  return paths.map((path) => rewritePath(r, path));
}

Deno.test("rewritePath() leaves a path alone where the line says nothing", () => {
  assertEquals(rewritten("*,path_beg=/a", "/a/b?c", "/"), ["/a/b?c", "/"]);
});

Deno.test("rewritePath() drops path_rem characters but never touches the query", () => {
  assertEquals(rewritten("*,path_beg=/app,path_rem=4", "/app/x?q=1", "/app", "/app?q=1", "/apple"), [
    "/x?q=1",
    "/",
    "/?q=1",
    "/le",
  ]);
  assertEquals(rewritten("*,path_rem=9", "/a?0123456789"), ["/?0123456789"]);
});

Deno.test("rewritePath() puts replace_beg in the place of path_beg", () => {
  assertEquals(rewritten("*,path_beg=/old,replace_beg=/new", "/old/x?y", "/old", "/older"), [
    "/new/x?y",
    "/new",
    "/newer",
  ]);
  assertEquals(rewritten("*,path_beg=/old,path_rem=1,replace_beg=/n", "/old/x"), ["/n/x"]);
  assertEquals(rewritten("*,replace_beg=/p", "/x"), ["/p/x"]);
  assertEquals(rewritten("*,path_beg=/old/,replace_beg=", "/old/x", "/old/"), ["/x", "/"]);
});

Deno.test("targetPath() cuts path_beg, but for a slash at its end, for the test origin only", () => {
  const cases: readonly [line: string, path: string, expected: string][] = [
    ["*,path_beg=/t test", "/t/stream?channel=a", "/stream?channel=a"],
    ["*,path_beg=/t/ test", "/t/stream", "/stream"],
    ["*,path_beg=/t test", "/t", "/"],
    ["*,path_beg=/t test", "/t?x", "/?x"],
    ["* test", "/stream", "/stream"],
    ["*,path_beg=/t,path_rem=2 test", "/stream", "/stream"],
    ["*,path_beg=/t a:8000", "/t/stream", "/t/stream"],
  ];
  for (const [line, path, expected] of cases) {
    const r = route(line);
    assertEquals([line, targetPath(r, r.targets[0], path)], [line, expected]);
  }
});

Deno.test("routeAuthority() and targetAuthority() give as_host and host where the line has them", () => {
  const plain = route("* a:8000");
  assertEquals(routeAuthority(plain, "c.test:7999"), "c.test:7999");
  assertEquals(targetAuthority(plain.targets[0], "c.test:7999"), "c.test:7999");
  const both = route("*,as_host=b.test:1 a:8000,host=d.test test");
  assertEquals(routeAuthority(both, "c.test"), "b.test:1");
  assertEquals(both.targets.map((t) => targetAuthority(t, "b.test:1")), ["d.test", "b.test:1"]);
});

Deno.test("connectAuthority() puts brackets around IPv6", () => {
  const targets = route("* [::1]:8000 a:8000").targets;
  assertEquals(targets.map((t) => t.kind === "http" && connectAuthority(t)), ["[::1]:8000", "a:8000"]);
});

Deno.test("headerEdits() removes every field of a name and appends what has a value", () => {
  const headers: readonly Header[] = [["x-a", "1"], ["cookie", "c"], ["X-A", "2"], ["z", "9"]];
  const edited = headerEdits(route("*,header=X-A:3,header=Cookie:,header=New:n a:8000"), headers);
  assertEquals(edited, [["z", "9"], ["X-A", "3"], ["New", "n"]]);
  assertEquals(headerEdits(route("* a:8000"), headers), headers);
  assertEquals(headers.length, 4);
});
