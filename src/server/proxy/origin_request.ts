/**
 * The fields of the request that goes to the origin, made from the client's (spec 1.4). The client's own are evidence
 * and stay as they are: a retry starts from them again. Runs for every request, so it is one pass over the fields with
 * what a route does to them worked out once.
 */
import type { Header } from "../../grip/head.ts";
import { GRIP_FEATURES } from "../../grip/grip_feature.ts";
import type { Route } from "../../routes/route.ts";
import { HOP_FIELDS, namedByConnection } from "./hop_headers.ts";
import { forwardedFor, type ForwardedForRules } from "./x_forwarded.ts";

/** Settings that decide about fields, the same for all routes. */
export interface OriginHeaderSettings {
  /** Lower-case names that count as original only where they come marked (spec 1.4 b). */
  readonly origHeadersNeedMark: ReadonlySet<string>;
  readonly acceptPushpinRoute: boolean;
  /** Our name in CDN-Loop; empty adds none. */
  readonly cdnLoop: string;
  readonly acceptForwardedProtocol: boolean;
  readonly setForwardedProtocol: "both" | "proto-only" | "off";
  readonly forwardedFor: ForwardedForRules;
  readonly forwardedForTrusted: ForwardedForRules;
  /** Sent where the client sends none: fetch would name the runtime. */
  readonly userAgent: string;
}

/** What is known about one request. */
export interface OriginHeaderInput {
  /** The client's fields, names in lower case. */
  readonly headers: readonly Header[];
  readonly route: Route;
  /** After promotion by X-Forwarded-Proto. */
  readonly tls: boolean;
  /** It came through another GRIP proxy: its Grip-* fields stay and none are added. */
  readonly trusted: boolean;
  /** The peer's address as text. */
  readonly peer?: string;
  /** The value of Grip-Sig; undefined signs nothing. */
  readonly signature?: string;
  /** Grip-Last fields of a retry or a link. */
  readonly gripLast?: readonly Header[];
}

/** Marks fields as the client sent them (spec 1.4 b); the value is the original's. */
export const ORIGINAL_MARK = "eb9bf0f5-";

/** What a route does to every request's fields, by lower-case name. */
interface FieldPlan {
  readonly dropped: ReadonlySet<string>;
  readonly added: readonly Header[];
  /** What stands in for the client's own where a field is not copied but made; undefined takes it away. */
  readonly instead: ReadonlyMap<string, string | undefined>;
}

const plans = new WeakMap<OriginHeaderSettings, WeakMap<Route, FieldPlan>>();

/** Fields that are not copied but made of the client's. */
const MADE: ReadonlySet<string> = new Set(["accept-encoding", "x-forwarded-for", "cdn-loop"]);

// A Host field is made for each target; a length by whoever sends the body; Expect was answered by the listener.
const NEVER_FORWARDED = ["host", "content-length", "expect", "accept-encoding"];

/**
 * The fields of the origin request but for Host, lower-case names, in the order they are sent.
 *
 * Two accept-encoding lines, `identity` and then the client's own: fetch takes the first as the word to leave bodies
 * alone, and the origin sees what the client accepts. An array, as a Headers object would merge the two.
 */
export function buildOriginHeaders(
  input: OriginHeaderInput,
  settings: OriginHeaderSettings,
): [string, string][] {
  const { route, trusted, headers } = input;
  const { dropped, added, instead } = planOf(route, settings);
  const named = namedByConnection(headers);
  const out: [string, string][] = [];
  let acceptEncoding: string | undefined;
  let xff: string | undefined;
  let cdnLoop: string | undefined;
  let hasUserAgent = false;
  for (const [name, value] of headers) {
    if (dropped.has(name)) {
      if (name === "accept-encoding") acceptEncoding = value;
      else if (name === "x-forwarded-for") xff = value;
      else if (name === "cdn-loop") cdnLoop = value;
      continue;
    }
    if (named !== undefined && named.has(name)) continue;
    if (!trusted && name.startsWith("grip-")) continue;
    if (name.startsWith(ORIGINAL_MARK) && !(trusted && route.origHeaders)) continue;
    if (name === "user-agent") hasUserAgent = true;
    out.push([name, value]);
  }
  for (const [name, value] of added) {
    if (name === "user-agent") hasUserAgent = true;
    out.push([name, value]);
  }
  if (instead.has("accept-encoding")) acceptEncoding = instead.get("accept-encoding");
  if (instead.has("x-forwarded-for")) xff = instead.get("x-forwarded-for");
  if (instead.has("cdn-loop")) cdnLoop = instead.get("cdn-loop");
  if (!hasUserAgent) out.push(["user-agent", settings.userAgent]);
  out.push(["accept-encoding", "identity"]);
  if (acceptEncoding !== undefined) out.push(["accept-encoding", acceptEncoding]);
  if (settings.cdnLoop !== "") {
    out.push(["cdn-loop", cdnLoop === undefined ? settings.cdnLoop : `${cdnLoop}, ${settings.cdnLoop}`]);
  }
  if (!trusted && route.grip) addGripFields(out, input);
  addForwardedFields(out, input, settings, xff);
  if (route.origHeaders && !trusted) addOriginals(out, headers, settings, named);
  return out;
}

function addGripFields(out: [string, string][], { signature, gripLast }: OriginHeaderInput): void {
  if (signature !== undefined) out.push(["grip-sig", signature]);
  out.push(["grip-feature", GRIP_FEATURES]);
  if (gripLast !== undefined) { for (const [name, value] of gripLast) out.push([name.toLowerCase(), value]); }
}

function addForwardedFields(
  out: [string, string][],
  { tls, trusted, peer }: OriginHeaderInput,
  settings: OriginHeaderSettings,
  xff: string | undefined,
): void {
  // Only for TLS, as in the original (spec 1.4 h): origins take its absence for plain HTTP.
  if (tls && settings.setForwardedProtocol !== "off") {
    out.push(["x-forwarded-proto", "https"]);
    if (settings.setForwardedProtocol === "both") out.push(["x-forwarded-protocol", "https"]);
  }
  const rules = trusted ? settings.forwardedForTrusted : settings.forwardedFor;
  const value = forwardedFor(xff, rules, peer);
  if (value !== undefined) out.push(["x-forwarded-for", value]);
}

/** Marked copies of what the client sent, and at the end what came marked already. */
function addOriginals(
  out: [string, string][],
  headers: readonly Header[],
  { origHeadersNeedMark }: OriginHeaderSettings,
  named: ReadonlySet<string> | undefined,
): void {
  for (const [name, value] of headers) {
    if (name.startsWith(ORIGINAL_MARK) || HOP_FIELDS.has(name) || named?.has(name)) continue;
    if (!origHeadersNeedMark.has(name)) out.push([ORIGINAL_MARK + name, value]);
  }
  for (const [name, value] of headers) if (name.startsWith(ORIGINAL_MARK)) out.push([name, value]);
}

function planOf(route: Route, settings: OriginHeaderSettings): FieldPlan {
  let ofSettings = plans.get(settings);
  if (ofSettings === undefined) plans.set(settings, ofSettings = new WeakMap());
  let plan = ofSettings.get(route);
  if (plan === undefined) ofSettings.set(route, plan = makePlan(route, settings));
  return plan;
}

function makePlan(route: Route, settings: OriginHeaderSettings): FieldPlan {
  const dropped = new Set([...HOP_FIELDS, ...NEVER_FORWARDED, "x-forwarded-for"]);
  if (settings.acceptPushpinRoute) dropped.add("pushpin-route");
  if (settings.cdnLoop !== "") dropped.add("cdn-loop");
  if (settings.acceptForwardedProtocol || settings.setForwardedProtocol !== "off") {
    dropped.add("x-forwarded-proto");
    dropped.add("x-forwarded-protocol");
  }
  const added = new Map<string, Header[]>();
  const instead = new Map<string, string | undefined>();
  for (const [name, value] of route.headers) {
    const lower = name.toLowerCase();
    if (MADE.has(lower)) instead.set(lower, value === "" ? undefined : value);
    else if (!dropped.has(lower) || added.has(lower)) {
      // The same name again replaces the one before, as each entry removes what is there first (spec 1.4 a).
      dropped.add(lower);
      added.set(lower, value === "" ? [] : [[lower, value]]);
    }
  }
  return { dropped, added: [...added.values()].flat(), instead };
}
