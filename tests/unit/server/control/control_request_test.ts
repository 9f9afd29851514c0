import { assertEquals, assertThrows } from "@std/assert";
import { PushpinError } from "../../../../src/errors.ts";
import {
  type ControlHead,
  type ControlTask,
  readControlHead,
  readItems,
} from "../../../../src/server/control/control_request.ts";

const LIMITS = { maxHeaderBytes: 10_000, maxBodyBytes: 1_000_000 };

function read(head: Partial<ControlHead>): ControlTask {
  const base = {
    method: "POST",
    path: "/publish/",
    accept: null,
    contentLength: "2",
    transferEncoding: null,
  };
  return readControlHead({ ...base, prefer: null, headBytes: 100, ...head }, LIMITS);
}

/** Status and text of a reply; the kind of task where it is none. */
function answer(head: Partial<ControlHead>): string {
  const task = read(head);
  return task.kind === "reply" ? `${task.reply.status} ${task.reply.type} ${task.reply.body}` : task.kind;
}

Deno.test("readControlHead() takes /publish with and without its slash, and nothing behind it", () => {
  assertEquals(answer({ path: "/publish" }), "publish");
  assertEquals(answer({ path: "/publish/" }), "publish");
  assertEquals(answer({ path: "/publish//" }), "404 text/plain Not Found\n");
  assertEquals(answer({ path: "/publish?x" }), "404 text/plain Not Found\n");
});

Deno.test("readControlHead() answers each row of the table with its status and text", () => {
  const notAcceptable =
    "406 text/plain Not Acceptable. Supported formats are text/plain and application/json.\n";
  const rows: readonly [Partial<ControlHead>, string][] = [
    [{ method: "GET", path: "/", contentLength: null }, "200 text/plain Pushpin API\n"],
    [{ method: "DELETE", path: "/", contentLength: null }, "200 text/plain Pushpin API\n"],
    [{ method: "GET", contentLength: null }, "405 text/plain Method not allowed: GET.\n"],
    [{ method: "GET", path: "/recover", contentLength: null }, "405 text/plain Method not allowed: GET.\n"],
    [{ path: "/nope" }, "404 text/plain Not Found\n"],
    [{ contentLength: null }, "411 text/plain Request requires Content-Length.\n"],
    [
      { contentLength: null, transferEncoding: "chunked" },
      "411 text/plain Request requires Content-Length.\n",
    ],
    [{ contentLength: "x" }, "400 text/plain Bad Content-Length.\n"],
    [{ contentLength: "1000001" }, "400 text/plain Request body too large.\n"],
    [{ headBytes: 10_001 }, "400 text/plain Request header too large.\n"],
    [{ accept: "image/png" }, notAcceptable],
    [{ accept: "image/png", path: "/nope" }, notAcceptable],
    [{ path: "/recover" }, "recover"],
    [{ path: "/recover/", contentLength: null }, "recover"],
  ];
  for (const [head, expected] of rows) assertEquals(answer(head), expected);
});

Deno.test("readControlHead() gives the type that stands last in Accept, whatever its q", () => {
  const json = (accept: string | null) => {
    const task = read({ accept });
    return task.kind === "publish" ? task.json : task.kind;
  };
  assertEquals(json(null), false);
  assertEquals(json("application/json"), true);
  assertEquals(json("application/json, text/plain;q=0.1"), false);
  assertEquals(json("text/plain, application/*;q=0.1, image/png"), true);
  assertEquals(json("*/*"), false);
});

Deno.test("readControlHead() reads Prefer: return=representation", () => {
  const report = (prefer: string) => {
    const task = read({ prefer });
    return task.kind === "publish" && task.report;
  };
  assertEquals(report("return=representation"), true);
  assertEquals(report("wait=10, return=representation; x=1"), true);
  assertEquals(report("return=minimal"), false);
});

Deno.test("readItems() names what is wrong, for the whole request", () => {
  const rows: readonly [string, string][] = [
    ["{nope", "Body is not valid JSON."],
    ['"x"', "Body is not valid JSON."],
    ["[1,2]", "Invalid format."],
    ["{}", "Invalid format: object does not contain 'items'"],
    ['{"items":3}', "Invalid format: object contains 'items' with wrong type"],
    ['{"items":[3]}', "Invalid format: publish item object is not an object"],
    ['{"items":[{"channel":3}]}', "Invalid format: publish item object contains 'channel' with wrong type"],
    ['{"items":[{"channel":"a"}]}', "Invalid format: no formats specified"],
    [
      '{"items":[{"channel":"a","formats":{"http-stream":{}}}]}',
      "Invalid format: 'http-stream' does not contain 'content' or 'content-bin'",
    ],
  ];
  for (const [body, text] of rows) {
    assertEquals(assertThrows(() => readItems(body), PushpinError).message, text);
  }
});

Deno.test("readItems() takes both forms of an item", () => {
  const items = readItems(
    '{"items":[{"channel":"a","http-stream":{"content":"x"}},{"channel":"b","formats":{"http-stream":{"content":"y"}}}]}',
  );
  assertEquals(items.map((item) => [item.channel, Object.keys(item.formats)]), [
    ["a", ["http-stream"]],
    ["b", ["http-stream"]],
  ]);
});
