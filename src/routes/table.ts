/**
 * The routes in the order in which a request tries them (spec 7.3). A host with lines of its own never falls back to
 * `*`; among a host's lines one for the protocol goes before one for any, then the longer path_beg, then one for the
 * client's TLS before one for any, then the earlier line.
 */
import type { Route, RouteQuery } from "./route.ts";

/** A host's lines for one protocol with or without TLS, best first. */
interface Candidates {
  readonly httpPlain: readonly Route[];
  readonly httpTls: readonly Route[];
  readonly wsPlain: readonly Route[];
  readonly wsTls: readonly Route[];
}

export class RouteTable {
  /** In the order of the file. */
  readonly routes: readonly Route[];
  readonly #byHost = new Map<string, Candidates>();
  /** An id that two lines share is there, without a line. */
  readonly #byId = new Map<string, Route | undefined>();

  constructor(routes: readonly Route[]) {
    this.routes = routes;
    const hosts = new Map<string, Route[]>();
    for (const route of routes) {
      const { host } = route.condition;
      if (host !== undefined) {
        const ofHost = hosts.get(host);
        if (ofHost === undefined) hosts.set(host, [route]);
        else ofHost.push(route);
      }
      if (route.id !== undefined) this.#byId.set(route.id, this.#byId.has(route.id) ? undefined : route);
    }
    for (const [host, ofHost] of hosts) this.#byHost.set(host, toCandidates(ofHost));
  }

  /**
   * The line for a request, undefined where there is none (502).
   *
   * A route id, where it is given, is the only way: no line of that id, two of them, or one whose path_beg is not the
   * path's beginning is no route at all. `query.host` is as `routeHost` gives it.
   */
  match(query: RouteQuery): Route | undefined {
    const path = pathOnly(query.path);
    if (query.routeId !== undefined) {
      const route = this.byId(query.routeId);
      return route !== undefined && path.startsWith(route.condition.pathBeg ?? "") ? route : undefined;
    }
    const candidates = this.#byHost.get(query.host) ?? this.#byHost.get("*");
    if (candidates === undefined) return undefined;
    const ordered = query.proto === "http"
      ? (query.ssl ? candidates.httpTls : candidates.httpPlain)
      : (query.ssl ? candidates.wsTls : candidates.wsPlain);
    for (const route of ordered) {
      const { pathBeg } = route.condition;
      if (pathBeg === undefined || path.startsWith(pathBeg)) return route;
    }
    return undefined;
  }

  /** The line of this id; undefined also where two lines share it. */
  byId(id: string): Route | undefined {
    return this.#byId.get(id);
  }
}

/** The host of `name[:port]` as a query has it: lower case, without port and brackets. */
export function routeHost(authority: string): string {
  const end = authority.startsWith("[") ? authority.indexOf("]") : authority.indexOf(":");
  const host = end === -1 ? authority : authority.slice(authority.startsWith("[") ? 1 : 0, end);
  return host.toLowerCase();
}

function toCandidates(routes: readonly Route[]): Candidates {
  const ordered = [...routes].sort(comparePrecedence); // stable: the earlier line stays before
  const of = (proto: "http" | "ws", ssl: boolean) =>
    ordered.filter(({ condition: c }) =>
      (c.proto === undefined || c.proto === proto) && (c.ssl === undefined || c.ssl === ssl)
    );
  return {
    httpPlain: of("http", false),
    httpTls: of("http", true),
    wsPlain: of("ws", false),
    wsTls: of("ws", true),
  };
}

function comparePrecedence({ condition: a }: Route, { condition: b }: Route): number {
  return specific(b.proto) - specific(a.proto) ||
    (b.pathBeg?.length ?? 0) - (a.pathBeg?.length ?? 0) ||
    specific(b.ssl) - specific(a.ssl);
}

function specific(restriction: string | boolean | undefined): number {
  return restriction === undefined ? 0 : 1;
}

/** path_beg is compared with the path alone: a query is no part of it. */
function pathOnly(path: string): string {
  const query = path.indexOf("?");
  return query === -1 ? path : path.slice(0, query);
}
