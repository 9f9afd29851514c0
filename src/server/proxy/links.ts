/** Next and gone links: requests of our own, for a session that is held (spec 2.7, 2.8). */
import { PushpinError } from "../../errors.ts";
import type { Header } from "../../grip/head.ts";
import type { Route } from "../../routes/route.ts";
import type { HttpTarget } from "../origin/origin_client.ts";
import type { LinkAnswer, ProxyRequest } from "./asking.ts";
import { decodeBody, isEncoded } from "./decoding.ts";
import type { OriginAsker, OriginReply } from "./origin_asking.ts";
import { keptRequestBody } from "./request_body.ts";

/** A link to follow. */
export interface Link {
  readonly method: "GET" | "POST";
  /** Absolute, or relative to the request's URI. */
  readonly uri: string;
  readonly gripLast: readonly Header[];
}

/**
 * Fetches a link with the proxy's own fields: by the session's route where scheme, host, port and path are the route's,
 * by a direct request otherwise.
 *
 * @throws {PushpinError} `PUSHPIN_ORIGIN_FAILED` where there is no answer at all
 */
export async function fetchLink(
  asker: OriginAsker,
  { uri, route }: ProxyRequest,
  link: Link,
  signal: AbortSignal,
): Promise<LinkAnswer> {
  const from = new URL(uri);
  const to = URL.parse(link.uri, from);
  if (to === null || (to.protocol !== "http:" && to.protocol !== "https:")) {
    throw linkFailure(link.uri, "not an http or https URI");
  }
  const path = to.pathname + to.search;
  const inside = to.origin === from.origin && to.pathname.startsWith(route.condition.pathBeg ?? "");
  const reply = await asker.ask({
    route: inside ? route : directRoute(route, to),
    method: link.method,
    path,
    authority: to.host,
    headers: [],
    body: keptRequestBody(link.method, undefined),
    tls: to.protocol === "https:",
    trusted: false,
    gripLast: link.gripLast,
    signal,
  });
  return linkAnswer(reply, to);
}

function linkAnswer(reply: OriginReply, to: URL): LinkAnswer {
  if (reply.kind === "silent") throw reply.failure;
  if (reply.kind === "unsigned") throw linkFailure(to.href, reply.error.message, reply.error);
  if (reply.kind === "path-escapes") throw linkFailure(to.href, "its path leads out of the route");
  const { response } = reply;
  const headers: Header[] = [];
  let encoding: string | undefined;
  response.headers.forEach((value, name) => {
    if (name === "content-encoding") encoding = value;
    headers.push([name, value]);
  });
  let body: ReadableStream<Uint8Array> | undefined = response.body ?? undefined;
  if (body !== undefined && isEncoded(encoding)) {
    const plain = decodeBody(body, encoding);
    if (plain === undefined) {
      body.cancel().catch(() => {}); // its origin is told by that; there is nobody to tell of a failure
      throw linkFailure(to.href, `answer is encoded as "${encoding}": use gzip, deflate or br`);
    }
    body = plain;
  }
  return { head: { code: response.status, reason: response.statusText, headers }, body, uri: to.href };
}

/**
 * A route to a host that is not the route's. Its `header` entries are for its own origin, and may be that one's
 * secrets; signing and prefix stay (spec 2.7).
 */
function directRoute(route: Route, to: URL): Route {
  const ssl = to.protocol === "https:";
  const target: HttpTarget = {
    kind: "http",
    hostname: to.hostname.replace(/^\[|\]$/g, ""),
    port: to.port === "" ? (ssl ? 443 : 80) : Number(to.port),
    ssl,
    insecure: false,
    trustConnectHost: false,
    untrusted: route.targets.some((other) => other.kind === "http" && other.untrusted),
    overHttp: false,
    oneEvent: false,
    subs: [],
  };
  return {
    ...route,
    pathRem: 0,
    replaceBeg: undefined,
    asHost: undefined,
    headers: [],
    targets: [target],
  };
}

function linkFailure(uri: string, why: string, cause?: unknown): PushpinError {
  return new PushpinError("PUSHPIN_ORIGIN_FAILED", `Cannot follow link "${uri}": ${why}`, { cause });
}
