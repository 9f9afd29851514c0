import { assertEquals } from "@std/assert";
import { parseRoutes } from "../../../src/routes/parse.ts";
import type { Route, RouteQuery } from "../../../src/routes/route.ts";
import { routeHost, RouteTable } from "../../../src/routes/table.ts";
import { Random } from "../../helpers/random.ts";

function table(...lines: readonly string[]): RouteTable {
  const { routes, problems } = parseRoutes(lines.map((l) => `${l} a:8000`).join("\n"), { file: "r" });
  assertEquals(problems.filter((p) => !p.kept), []);
  return new RouteTable(routes);
}

/** The line that a request finds, as its place. */
function found(routes: RouteTable, query: Partial<RouteQuery>): string | undefined {
  return routes.match({ host: "a.test", path: "/", proto: "http", ssl: false, ...query })?.where;
}

Deno.test("RouteTable.match() takes a host's own lines and never falls back to *", () => {
  const routes = table("*", "a.test,path_beg=/a", "b.test,proto=ws");
  assertEquals(found(routes, { path: "/a" }), "r:2");
  assertEquals(found(routes, { path: "/b" }), undefined);
  assertEquals(found(routes, { host: "b.test" }), undefined);
  assertEquals(found(routes, { host: "c.test" }), "r:1");
  assertEquals(found(table("a.test"), { host: "c.test" }), undefined);
});

Deno.test("RouteTable.match() compares path_beg as a string, without boundary and without query", () => {
  const routes = table("*,path_beg=/a");
  assertEquals(found(routes, { path: "/abc" }), "r:1");
  assertEquals(found(routes, { path: "/a?b" }), "r:1");
  assertEquals(found(routes, { path: "/b?/a" }), undefined);
  assertEquals(found(table("*,path_beg=/a?b"), { path: "/a?b" }), undefined);
});

Deno.test("RouteTable.match() prefers the protocol, then the longer path_beg, then TLS, then the earlier line", () => {
  const routes = table(
    "*",
    "*,path_beg=/a/b",
    "*,ssl=yes",
    "*,path_beg=/a",
    "*,path_beg=/a,ssl=yes",
    "*,proto=ws",
    "*,proto=http,path_beg=/x",
  );
  assertEquals(found(routes, {}), "r:1");
  assertEquals(found(routes, { path: "/a/b/c" }), "r:2");
  assertEquals(found(routes, { ssl: true }), "r:3");
  assertEquals(found(routes, { path: "/a" }), "r:4");
  assertEquals(found(routes, { path: "/a", ssl: true }), "r:5");
  // The original could let the TLS line win over the longer path, depending on the order of the lines.
  assertEquals(found(routes, { path: "/a/b", ssl: true }), "r:2");
  assertEquals(found(routes, { path: "/a/b", proto: "ws" }), "r:6");
  assertEquals(found(routes, { path: "/x/y" }), "r:7");
});

Deno.test("RouteTable.match() by id needs the path_beg and nothing else, and is final", () => {
  const routes = table("a.test,id=x,path_beg=/a,proto=ws", "id=y", "*");
  assertEquals(found(routes, { routeId: "x", path: "/a/b", host: "z.test" }), "r:1");
  assertEquals(found(routes, { routeId: "x", path: "/b" }), undefined);
  assertEquals(found(routes, { routeId: "y" }), "r:2");
  assertEquals(found(routes, { routeId: "z" }), undefined);
});

Deno.test("RouteTable.byId() finds no line by an id that two lines share, for HTTP and WebSockets alike", () => {
  const routes = table("a.test,id=x", "b.test,id=x", "c.test,id=x", "d.test,id=y");
  assertEquals(routes.byId("x"), undefined);
  assertEquals(found(routes, { routeId: "x", proto: "ws" }), undefined);
  assertEquals(routes.byId("y")?.where, "r:4");
  assertEquals(found(routes, { host: "a.test" }), "r:1");
});

Deno.test("routeHost() takes port, brackets and capitals away", () => {
  assertEquals(
    ["A.test", "a.test:80", "[::1]:80", "[::1]", "", ":80"].map(routeHost),
    ["a.test", "a.test", "::1", "::1", "", ""],
  );
});

/** Spec 7.3, word by word and slowly. */
function matchSlowly(routes: readonly Route[], query: RouteQuery): Route | undefined {
  const path = query.path.split("?")[0]!;
  const pathFits = (r: Route) => path.startsWith(r.condition.pathBeg ?? "");
  if (query.routeId !== undefined) {
    const withId = routes.filter((r) => r.id === query.routeId);
    return withId.length === 1 && pathFits(withId[0]!) ? withId[0] : undefined;
  }
  let candidates = routes.filter((r) => r.condition.host === query.host);
  if (candidates.length === 0) candidates = routes.filter((r) => r.condition.host === "*");
  candidates = candidates.filter((r) =>
    pathFits(r) && (r.condition.proto ?? query.proto) === query.proto &&
    (r.condition.ssl ?? query.ssl) === query.ssl
  );
  const better = (a: Route, b: Route): boolean => {
    const [p, q] = [a.condition, b.condition];
    if ((p.proto === undefined) !== (q.proto === undefined)) return p.proto !== undefined;
    const [i, j] = [p.pathBeg?.length ?? 0, q.pathBeg?.length ?? 0];
    if (i !== j) return i > j;
    return p.ssl !== undefined && q.ssl === undefined;
  };
  return candidates.find((r) => !candidates.some((other) => better(other, r)));
}

Deno.test("RouteTable.match() gives what the rule read word by word gives, on random tables", () => {
  const random = new Random(7003);
  const hosts = ["*", "*", "a.test", "b.test", "c.test"];
  const paths = ["/", "/a", "/a/", "/a/b", "/ab", "/b", "/a/b?x=/b", "/?/a"];
  for (let n = 0; n < 400; n++) {
    const lines = Array.from({ length: random.int(1, 25) }, () => {
      let line = random.chance(0.1) ? `id=${random.int(4)}` : random.pick(hosts);
      if (random.chance(0.4)) line += `,proto=${random.pick(["http", "ws"])}`;
      if (random.chance(0.4)) line += `,ssl=${random.pick(["yes", "no"])}`;
      if (random.chance(0.6)) line += `,path_beg=${random.pick(["/", "/a", "/a/", "/a/b", "/b"])}`;
      if (random.chance(0.2)) line += `,id=${random.int(4)}`;
      return `${line} a:8000`;
    });
    const { routes } = parseRoutes(lines.join("\n"), { file: "r" });
    const table = new RouteTable(routes);
    for (let k = 0; k < 30; k++) {
      const query: RouteQuery = {
        host: random.pick(["a.test", "b.test", "c.test", "d.test"]),
        path: random.pick(paths),
        proto: random.pick(["http", "ws"]),
        ssl: random.chance(0.5),
        ...(random.chance(0.2) && { routeId: String(random.int(5)) }),
      };
      const context = JSON.stringify({ seed: random.seed, lines, query });
      assertEquals(table.match(query)?.where, matchSlowly(routes, query)?.where, context);
    }
  }
});
