/** What a line changes about a request on its way to the origin (spec 1.4 a, 1.7). Paths are encoded and normalised. */
import type { Header } from "../grip/head.ts";
import type { Route, Target } from "./route.ts";

/**
 * The path for the origin: the matched path_beg (with replace_beg), or else path_rem characters, are cut off its
 * beginning and replace_beg is put before. The query stays as it is, and a path begins with "/" whatever was cut.
 */
export function rewritePath(route: Route, path: string): string {
  const { replaceBeg, pathRem, condition: { pathBeg } } = route;
  if (replaceBeg === undefined && pathRem === 0) return path;
  const cut = replaceBeg !== undefined && pathBeg !== undefined ? pathBeg.length : pathRem;
  const [before, query] = splitQuery(path);
  return rooted((replaceBeg ?? "") + before.slice(cut)) + query;
}

/** The path for one target: the built-in test origin sees it without path_beg (but for a slash at its end). */
export function targetPath(route: Route, target: Target, path: string): string {
  const { pathBeg } = route.condition;
  if (target.kind !== "test" || pathBeg === undefined || !path.startsWith(pathBeg)) return path;
  const cut = pathBeg.endsWith("/") ? pathBeg.length - 1 : pathBeg.length;
  const [before, query] = splitQuery(path);
  return rooted(before.slice(cut)) + query;
}

/** `host[:port]` of the request as everything behind the routes sees it: as_host, or what the client said. */
export function routeAuthority(route: Route, authority: string): string {
  return route.asHost ?? authority;
}

/** The Host field for one target; `authority` is what `routeAuthority` gave. */
export function targetAuthority(target: Target, authority: string): string {
  return target.kind === "http" ? target.host ?? authority : authority;
}

/** `host:port` to connect to, with the brackets of an IPv6 address. */
export function connectAuthority(target: Target & { readonly kind: "http" }): string {
  return target.hostname.includes(":")
    ? `[${target.hostname}]:${target.port}`
    : `${target.hostname}:${target.port}`;
}

/**
 * The fields of a request after the line's `header` properties, each of which takes every field of its name away and
 * puts its own, where it has a value, at the end.
 */
export function headerEdits(route: Route, headers: readonly Header[]): readonly Header[] {
  if (route.headers.length === 0) return headers;
  let edited = headers;
  for (const header of route.headers) {
    const name = header[0].toLowerCase();
    edited = edited.filter(([other]) => other.toLowerCase() !== name);
    if (header[1] !== "") edited = [...edited, header];
  }
  return edited;
}

function splitQuery(path: string): readonly [path: string, query: string] {
  const at = path.indexOf("?");
  return at === -1 ? [path, ""] : [path.slice(0, at), path.slice(at)];
}

function rooted(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
