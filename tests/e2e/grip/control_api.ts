/** Scenario 24: the HTTP control API, row by row of spec 3.4. */
import { assertEquals, assertMatch } from "@std/assert";
import { headerOf } from "../../helpers/http_message.ts";
import { askOnce, type RawRequest } from "../../helpers/raw_client.ts";
import type { Scenario, Scene } from "../../helpers/grip_stand.ts";

const JSON_TYPE = ["Accept", "application/json"] as const;
const BAD = "Invalid format: ";

async function table(s: Scene): Promise<void> {
  const item = s.stream("x");
  const good = JSON.stringify({ items: [item] });
  const post = (body: string, more: Partial<RawRequest> = {}): RawRequest => ({
    method: "POST",
    target: "/publish/",
    body,
    ...more,
  });
  const accepting = (...values: readonly string[]) =>
    post(good, { headers: values.map((value) => ["Accept", value] as const) });
  const items = (...list: readonly unknown[]) => post(JSON.stringify({ items: list }));
  const rows: readonly [request: RawRequest, status: number, body: string | RegExp][] = [
    [{ target: "/" }, 200, "Pushpin API\n"],
    [{ method: "PUT", target: "/", body: "x" }, 200, "Pushpin API\n"],
    [post(good), 200, "Published\n"],
    [post(good, { target: "/publish" }), 200, "Published\n"],
    [post(good, { headers: [JSON_TYPE] }), 200, '{"message":"Published"}\n'],
    [accepting("text/html, application/*;q=0.1, image/png"), 200, '{"message":"Published"}\n'],
    [accepting("application/json, text/*"), 200, "Published\n"],
    [accepting("application/json", "*/*"), 200, "Published\n"],
    [accepting("image/png"), 406, /^Not Acceptable\. .*text\/plain and application\/json\.\n$/],
    [post(good, { headers: [["Authorization", ""], ["Content-Type", "text/html"]] }), 200, "Published\n"],
    [post('{"items":[]}'), 200, "Published\n"],
    [post("nonsense"), 400, "Body is not valid JSON.\n"],
    [post("17"), 400, "Body is not valid JSON.\n"],
    [post("[]"), 400, "Invalid format.\n"],
    [post("{}"), 400, `${BAD}object does not contain 'items'\n`],
    [post('{"items":{}}'), 400, `${BAD}object contains 'items' with wrong type\n`],
    [items({ formats: item.formats }), 400, /^Invalid format: .*'channel'\n$/],
    [items({ ...item, channel: 7 }), 400, /^Invalid format: .*'channel' with wrong type\n$/],
    [items({ channel: "c", formats: {} }), 400, `${BAD}no formats specified\n`],
    [
      items({ channel: "c", formats: { "http-stream": {} } }),
      400,
      `${BAD}'http-stream' does not contain 'content' or 'content-bin'\n`,
    ],
    [
      items({ channel: "c", formats: { "http-response": {} } }),
      400,
      `${BAD}'http-response' does not contain 'body', 'body-bin', or 'body-patch'\n`,
    ],
    [post("", { method: "GET", target: "/publish" }), 405, "Method not allowed: GET.\n"],
    [post(good, { method: "PUT", target: "/publish" }), 405, "Method not allowed: PUT.\n"],
    [post("", { method: "GET", target: "/recover/" }), 405, "Method not allowed: GET.\n"],
    [post(good, { target: "/publish?x" }), 404, "Not Found\n"],
    [post(good, { target: "/publish//" }), 404, "Not Found\n"],
    [post(good, { target: "/other" }), 404, "Not Found\n"],
    [post("", { headers: [["Transfer-Encoding", "chunked"]] }), 411, "Request requires Content-Length.\n"],
    [post(good, { headers: [["X-Long", "x".repeat(10_000)]] }), 400, "Request header too large.\n"],
    [post("x".repeat(1_000_001)), 400, "Request body too large.\n"],
  ];
  const { controlPort } = s.stand.program;
  for (const [request, status, body] of rows) {
    const chunked = request.headers?.some(([name]) => name === "Transfer-Encoding") === true;
    const answer = await askOnce(controlPort, chunked ? { ...request, body: "0\r\n\r\n" } : request);
    const what = `${request.method ?? "GET"} ${request.target} ${String(request.body).slice(0, 80)}`;
    if (typeof body === "string") assertEquals([answer.status, answer.text], [status, body], what);
    else {
      assertEquals(answer.status, status, what);
      assertMatch(answer.text, body, what);
    }
    const type = body === '{"message":"Published"}\n' ? "application/json" : "text/plain";
    assertEquals(headerOf(answer, "content-type")?.split(";")[0], type, what);
    assertEquals(headerOf(answer, "allow"), status === 405 ? "POST" : undefined, what);
  }
}

async function allOrNothing(s: Scene): Promise<void> {
  s.answer("stream", { headers: s.hold("stream", [s.channel()]), body: "first " });
  const clients = await s.openStreams("stream", "first ");
  await s.held();
  const answer = await askOnce(s.stand.program.controlPort, {
    method: "POST",
    target: "/publish/",
    body: JSON.stringify({ items: [s.stream("good "), { channel: "c" }] }),
  });
  assertEquals(answer.status, 400);
  // Formats at the item's own level, as older libraries send them.
  await s.publish({ channel: s.channel(), "http-stream": { content: "flat " } }, s.stream("end "));
  for (const client of clients) assertEquals(await client.readChunksUntil("end "), "flat end ");
}

export const CONTROL_API: readonly Scenario[] = [
  { name: "24 control API: every row of the table", run: table },
  { name: "24a control API: all items of a request are published, or none", run: allOrNothing },
];
