/** Encoders: the request to the origin, items on the link and to publishers. */
import { encodePublishItem } from "../../src/grip/publish_encode.ts";
import type { PublishItem } from "../../src/grip/publish_item.ts";
import { parseRoutes } from "../../src/routes/parse.ts";
import { HOP_FIELDS } from "../../src/server/proxy/hop_headers.ts";
import { buildOriginHeaders } from "../../src/server/proxy/origin_request.ts";
import { GRIP_FEATURES } from "../../src/grip/grip_feature.ts";
import { downCodec } from "../../src/server/link/message_codec.ts";
import { encodeTnetstring } from "../../src/server/wire/tnetstring.ts";
import { shippedOptions } from "../../tests/helpers/proxy_stand.ts";

const client: readonly (readonly [string, string])[] = [
  ["accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"],
  ["accept-encoding", "gzip, deflate, br"],
  ["accept-language", "en-GB,en;q=0.9"],
  ["cache-control", "no-cache"],
  ["connection", "keep-alive"],
  ["cookie", "session=0123456789abcdef; theme=dark"],
  ["host", "bench.test"],
  ["referer", "http://bench.test/"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
];
const [route] = parseRoutes("* 127.0.0.1:80", { file: "routes" }).routes;
const settings = shippedOptions().headers;
const signature = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJwdXNocGluIn0.0123456789";

Deno.bench("origin fields, one pass with the route's plan", { group: "origin fields" }, () => {
  buildOriginHeaders({ headers: client, route: route!, tls: false, trusted: false, signature }, settings);
});
Deno.bench(
  "origin fields, a Headers object edited (plain)",
  { group: "origin fields", baseline: true },
  () => {
    const headers = new Headers(client.map(([name, value]): [string, string] => [name, value]));
    for (const name of HOP_FIELDS) headers.delete(name);
    headers.delete("host");
    headers.set("grip-sig", signature);
    headers.set("grip-feature", GRIP_FEATURES);
    return void [...headers];
  },
);

const item: PublishItem = {
  channel: "a",
  id: "2",
  prevId: "1",
  formats: { "http-stream": { action: "send", content: new Uint8Array(64).fill(120) } },
  meta: new Map(),
  noSeq: false,
};
Deno.bench(
  "item to the link",
  { group: "item" },
  () => void downCodec.encode({ type: "item", seq: 1, item }),
);
Deno.bench(
  "item as JSON",
  { group: "item", baseline: true },
  () => void JSON.stringify(encodePublishItem(item)),
);
Deno.bench("item as tnetstring", { group: "item" }, () => {
  encodeTnetstring(encodePublishItem(item, { binary: true }) as Parameters<typeof encodeTnetstring>[0]);
});
