import { assertEquals } from "@std/assert";
import { GRIP_FEATURES } from "../../../../src/grip/grip_feature.ts";
import type { Header } from "../../../../src/grip/head.ts";
import { parseRoutes } from "../../../../src/routes/parse.ts";
import {
  buildOriginHeaders,
  type OriginHeaderInput,
  type OriginHeaderSettings,
} from "../../../../src/server/proxy/origin_request.ts";
import { shippedOptions } from "../../../helpers/proxy_stand.ts";

interface Case extends Partial<Omit<OriginHeaderInput, "route" | "headers">> {
  readonly route?: string;
  readonly settings?: Partial<OriginHeaderSettings>;
}

/** The fields an origin gets, without those that every request has. */
function fields(headers: readonly Header[], { route = "*", settings, ...input }: Case = {}): string[] {
  const [parsed] = parseRoutes(`${route} 127.0.0.1:80`, { file: "r" }).routes;
  const made = buildOriginHeaders(
    { headers, route: parsed!, tls: false, trusted: false, ...input },
    { ...shippedOptions().headers, ...settings },
  );
  const always = new Set([
    "user-agent: pushpin",
    "accept-encoding: identity",
    `grip-feature: ${GRIP_FEATURES}`,
  ]);
  return made.map(([name, value]) => `${name}: ${value}`).filter((line) => !always.has(line));
}

Deno.test("buildOriginHeaders() copies the client's fields in their order but for host and length", () => {
  assertEquals(
    fields([["cookie", "a"], ["content-length", "5"], ["host", "h"], ["expect", "100-continue"], ["x", "1"]]),
    [
      "cookie: a",
      "x: 1",
    ],
  );
});

Deno.test("buildOriginHeaders() follows route entries: a value replaces, an empty one deletes, the last counts", () => {
  const route = "*,header=X-A:new,header=Cookie:,header=X-B:1,header=x-b:2,header=Accept-Encoding:br";
  assertEquals(fields([["cookie", "c"], ["x-a", "old"], ["x-c", "kept"]], { route }), [
    "x-c: kept",
    "x-a: new",
    "x-b: 2",
    "accept-encoding: br",
  ]);
  assertEquals(fields([["accept-encoding", "gzip"]], { route: "*,header=Accept-Encoding:" }), []);
  assertEquals(fields([], { route: "*,header=Host:x,header=Connection:close" }), []);
});

Deno.test("buildOriginHeaders() marks originals where the route wants it, and drops marks otherwise", () => {
  const client: Header[] = [["a", "1"], ["b", "2"], ["eb9bf0f5-c", "3"], ["connection", "close"], [
    "grip-x",
    "4",
  ]];
  assertEquals(fields(client), ["a: 1", "b: 2"]);
  const settings = { origHeadersNeedMark: new Set(["b"]) };
  assertEquals(fields(client, { route: "*,orig_headers", settings }), [
    "a: 1",
    "b: 2",
    "eb9bf0f5-a: 1",
    "eb9bf0f5-grip-x: 4",
    "eb9bf0f5-c: 3",
  ]);
});

Deno.test("buildOriginHeaders() adds Grip fields for clients and leaves them to trusted proxies", () => {
  const client: Header[] = [["grip-sig", "theirs"], ["grip-last", "x"]];
  const more = { signature: "ours", gripLast: [["Grip-Last", "c; last-id=1"]] as const };
  assertEquals(fields(client, more), ["grip-sig: ours", "grip-last: c; last-id=1"]);
  assertEquals(fields(client, { ...more, trusted: true }), ["grip-sig: theirs", "grip-last: x"]);
  assertEquals(fields(client, { ...more, route: "*,no_grip" }), []);
});

Deno.test("buildOriginHeaders() says https only for TLS, in the fields the settings name", () => {
  const client: Header[] = [["x-forwarded-proto", "https"], ["x-forwarded-protocol", "https"]];
  assertEquals(fields(client), []);
  assertEquals(fields([], { tls: true }), ["x-forwarded-proto: https"]);
  assertEquals(fields([], { tls: true, settings: { setForwardedProtocol: "both" } }), [
    "x-forwarded-proto: https",
    "x-forwarded-protocol: https",
  ]);
  const off = { setForwardedProtocol: "off" } as const;
  assertEquals(fields(client, { settings: off }), client.map(([name, value]) => `${name}: ${value}`));
  assertEquals(fields(client, { settings: { ...off, acceptForwardedProtocol: true } }), []);
});

Deno.test("buildOriginHeaders() makes X-Forwarded-For by the client's rules or the trusted one's", () => {
  const settings = {
    forwardedFor: { truncate: 0, append: true },
    forwardedForTrusted: { append: true },
  };
  const client: Header[] = [["x-forwarded-for", "1.1.1.1"]];
  assertEquals(fields(client), ["x-forwarded-for: 1.1.1.1"]);
  assertEquals(fields(client, { settings, peer: "9.9.9.9" }), ["x-forwarded-for: 9.9.9.9"]);
  assertEquals(fields(client, { settings, peer: "9.9.9.9", trusted: true }), [
    "x-forwarded-for: 1.1.1.1, 9.9.9.9",
  ]);
});

Deno.test("buildOriginHeaders() adds to CDN-Loop and takes Pushpin-Route away where that is set", () => {
  const client: Header[] = [["cdn-loop", "a"], ["pushpin-route", "r"]];
  assertEquals(fields(client), ["cdn-loop: a", "pushpin-route: r"]);
  assertEquals(fields(client, { settings: { cdnLoop: "b", acceptPushpinRoute: true } }), ["cdn-loop: a, b"]);
  assertEquals(fields([], { settings: { cdnLoop: "b" } }), ["cdn-loop: b"]);
});
