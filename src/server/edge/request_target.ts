/**
 * Authority and path of a request out of the runtime's URL, which holds the raw target and an unchecked Host pasted
 * together. Strings do where they can: a URL object costs more than all of this, and only a few paths need one.
 */

/** A request's target; `path` has its query. */
export interface RequestTarget {
  /** `name[:port]`. */
  readonly authority: string;
  /** As fetch would send it: the origin sees exactly what the routes matched (WHATWG URL). */
  readonly path: string;
}

// RFC 3986 3.2.2 without userinfo: what else a Host may hold ("/?#@", spaces, bytes over 0x7e) would move the border
// between authority and path.
const AUTHORITY = /^[\w\-.~!$&'()*+,;=%:[\]]+$/;

// Whatever has only these characters, and no segment that begins with a dot, is the same after normalisation.
const MAYBE_CHANGED = /[^\w\-.~!$&()*+,;=:@/%?[\]|]|\/\.|%2e/i;

const PROBE = "http://h";

/**
 * Takes a request's URL apart. `host` is the Host field where there is one.
 *
 * @returns undefined where the Host or the target is no valid one: 400.
 */
export function readTarget(url: string, host: string | null): RequestTarget | undefined {
  if (host !== null && host !== "" && !AUTHORITY.test(host)) return undefined;
  const start = url.indexOf("://") + 3;
  if (start < 3) return undefined;
  let end = start;
  for (; end < url.length; end++) {
    const c = url.charCodeAt(end);
    if (c === 0x2f || c === 0x3f || c === 0x23) break;
  }
  const authority = url.slice(start, end);
  // An absolute-form target wins over Host (RFC 9112 3.2.2), and was not checked with it.
  if (authority !== host && !AUTHORITY.test(authority)) return undefined;
  const raw = url.slice(end);
  const path = normalisePath(raw.startsWith("/") ? raw : `/${raw}`);
  return path === undefined ? undefined : { authority, path };
}

/**
 * The path as fetch sends it: dot segments resolved, what is not allowed encoded, the fragment gone.
 *
 * Routes match on this one, so that `/a/../b` finds the rule that its origin will see it under.
 * @returns undefined where it cannot be parsed.
 */
export function normalisePath(path: string): string | undefined {
  if (!MAYBE_CHANGED.test(path)) return path;
  const parsed = URL.parse(PROBE + path);
  if (parsed === null) return undefined;
  const whole = parsed.href.slice(PROBE.length);
  const fragment = whole.indexOf("#");
  return fragment === -1 ? whole : whole.slice(0, fragment);
}

/** True for a path with `.` or `..` among its segments, encoded ones too: no normalised path has any. */
export function hasDotSegments(path: string): boolean {
  const query = path.indexOf("?");
  return /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(query === -1 ? path : path.slice(0, query));
}
