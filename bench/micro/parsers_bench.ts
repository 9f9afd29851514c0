/** Parsers: what every request, instruct and publish goes through. */
import { parseInstruct } from "../../src/grip/instruct.ts";
import { parsePublishItem } from "../../src/grip/publish_item.ts";
import { parseRoutes } from "../../src/routes/parse.ts";
import { RouteTable } from "../../src/routes/table.ts";
import { readItems } from "../../src/server/control/control_request.ts";
import { readTarget } from "../../src/server/edge/request_target.ts";
import { decodeTnetstring, encodeTnetstring } from "../../src/server/wire/tnetstring.ts";
import { encodeMessage, ZmtpDecoder } from "../../src/server/wire/zmtp_frames.ts";

const empty = new Uint8Array(0);
const json = new TextEncoder().encode(
  JSON.stringify({ hold: { mode: "stream", channels: [{ name: "a" }, { name: "b", "prev-id": "1" }] } }),
);

Deno.bench("instruct of a stream from Grip-* fields", () => {
  parseInstruct({
    code: 200,
    reason: "OK",
    headers: [
      ["content-type", "text/event-stream"],
      ["grip-channel", "a, b; prev-id=1"],
      ["grip-hold", "stream"],
      ["grip-keep-alive", ":\\n\\n; format=cstring; timeout=25"],
    ],
  }, empty);
});

Deno.bench("instruct of a stream from JSON", () => {
  parseInstruct({ code: 200, reason: "OK", headers: [["content-type", "application/grip-instruct"]] }, json);
});

const item = {
  channel: "a",
  id: "2",
  "prev-id": "1",
  formats: { "http-stream": { content: "data: hello\n\n" }, "http-response": { body: "hello" } },
};
const text = JSON.stringify({ items: [item] });
const packed = encodeTnetstring(item);

Deno.bench("publish item, JSON value validated", { group: "item" }, () => void parsePublishItem(item));
Deno.bench("publish request, JSON text", { group: "item", baseline: true }, () => void readItems(text));
Deno.bench("tnetstring of an item, decoded", { group: "item" }, () => void decodeTnetstring(packed));

const burst = new Uint8Array(packed.length * 1000 + 9000);
let end = 0;
for (let i = 0; i < 1000; i++) {
  const frame = encodeMessage([packed]);
  burst.set(frame, end);
  end += frame.length;
}
Deno.bench("1 000 ZMTP messages in one read", () => {
  const decoder = new ZmtpDecoder();
  decoder.push(burst.subarray(0, end));
  while (decoder.next() !== undefined);
});

const url = "http://bench.test/a/path/of/usual?length=1&more=2";
Deno.bench(
  "request target, string operations",
  { group: "target" },
  () => void readTarget(url, "bench.test"),
);
Deno.bench("request target, new URL (plain)", { group: "target", baseline: true }, () => {
  const { host, pathname, search } = new URL(url);
  return void (host + pathname + search);
});

const lines = Array.from({ length: 200 }, (_, i) => `h${i}.test,path_beg=/api 127.0.0.1:${8000 + i}`).join(
  "\n",
);
const table = new RouteTable(parseRoutes(lines, { file: "routes" }).routes);
Deno.bench("routes file of 200 lines", () => void parseRoutes(lines, { file: "routes" }));
Deno.bench("route of a request, out of 200", () => {
  table.match({ host: "h150.test", path: "/api/x", proto: "http", ssl: false });
});
