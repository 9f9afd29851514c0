/** One line of a routes file, parsed, with what a test expects of it. */
import { assertEquals } from "@std/assert";
import { parseRoutes, type ParseRoutesOptions } from "../../src/routes/parse.ts";
import type { Route, Target } from "../../src/routes/route.ts";

/** `parseRoutes` of a file named "routes". */
export function parse(text: string, options: Partial<ParseRoutesOptions> = {}) {
  return parseRoutes(text, { file: "routes", ...options });
}

/** The one route of a text that has no problem. */
export function one(text: string, options: Partial<ParseRoutesOptions> = {}): Route {
  const { routes, problems } = parse(text, options);
  assertEquals(problems, []);
  assertEquals(routes.length, 1);
  return routes[0]!;
}

/** What is said about a one-line text that is skipped. */
export function refused(text: string, options: Partial<ParseRoutesOptions> = {}): string {
  const { routes, problems } = parse(text, options);
  assertEquals(routes, []);
  assertEquals(problems.map((p) => [p.line, p.kept]), [[1, false]]);
  return problems[0]!.what;
}

/** What is said about a one-line text that is used. */
export function noted(text: string, options: Partial<ParseRoutesOptions> = {}): string {
  const { routes, problems } = parse(text, options);
  assertEquals(routes.length, 1);
  assertEquals(problems.map((p) => [p.line, p.kept]), [[1, true]]);
  return problems[0]!.what;
}

/** What `*` alone gives. */
export const PLAIN_ROUTE: Omit<Route, "targets"> = {
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

/** A target of which only `more` is not the default. */
export function httpTarget(hostname: string, port: number, more: Partial<Target> = {}): Target {
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
