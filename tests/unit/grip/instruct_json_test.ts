import { assertEquals, assertThrows } from "@std/assert";
import { PushpinError } from "../../../src/errors.ts";
import type { Header } from "../../../src/grip/head.ts";
import { parseInstruct } from "../../../src/grip/instruct.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

function parse(body: unknown, headers: readonly Header[] = [], code = 200) {
  return parseInstruct(
    { code, reason: "", headers: [["Content-Type", "application/grip-instruct"], ...headers] },
    utf8(typeof body === "string" ? body : JSON.stringify(body)),
  );
}

function refused(body: unknown, text: string, code = 200): void {
  const error = assertThrows(() => parse(body, [], code), PushpinError);
  assertEquals(error.code, "PUSHPIN_INSTRUCT_INVALID");
  assertEquals(error.message.replace("Cannot read the origin's instruct: ", ""), text);
}

Deno.test("parseInstruct() reads a JSON instruct whole", () => {
  assertEquals(
    parse({
      hold: {
        mode: "stream",
        channels: [{ name: "a", "prev-id": "1", filters: ["skip-self"] }, { name: "é" }],
        "keep-alive": { content: "k\n", timeout: 4 },
        meta: { user: "alice" },
      },
      response: { code: 201, reason: "Made", headers: { "Content-Type": "text/plain" }, body: "é" },
    }, [["X-Origin", "dropped"]]),
    {
      hold: { mode: "stream", keepAlive: { data: utf8("k\n"), timeoutSeconds: 4, mode: "idle" } },
      channels: [{ name: "a", prevId: "1", filters: ["skip-self"] }, { name: "é", filters: [] }],
      meta: new Map([["user", "alice"]]),
      head: { code: 201, reason: "Made", headers: [["Content-Type", "text/plain"]] },
      body: utf8("é"),
    },
  );
});

Deno.test("parseInstruct() of an empty object is an empty 200", () => {
  assertEquals(parse({}, [["X", "y"]]), {
    channels: [],
    meta: new Map(),
    head: { code: 200, reason: "OK", headers: [] },
    body: new Uint8Array(0),
  });
});

Deno.test("parseInstruct() lets the body override or extend what headers say", () => {
  const instruct = parse(
    { hold: { channels: [{ name: "b" }], meta: { b: "2" } }, response: { code: 404 } },
    [
      ["Grip-Hold", "stream"],
      ["Grip-Timeout", "20"],
      ["Grip-Channel", "a"],
      ["Grip-Set-Meta", "a=1"],
      ["Grip-Status", "201 Made"],
      ["Grip-Link", "</n>; rel=next"],
    ],
  );
  assertEquals(instruct.hold, { mode: "response", timeoutSeconds: 20 });
  assertEquals(instruct.channels.map((c) => c.name), ["a", "b"]);
  assertEquals(instruct.meta, new Map([["a", "1"], ["b", "2"]]));
  assertEquals([instruct.head.code, instruct.head.reason], [404, "Not Found"]);
  assertEquals(instruct.nextLink, { uri: "/n", timeoutSeconds: 120 });
});

Deno.test("parseInstruct() applies exposing and stripping to the response's headers", () => {
  assertEquals(
    parse({ response: { headers: [["X-A", "1"], ["Grip-Hold", "x"], ["X-B", "2"]] } }, [[
      "Grip-Expose-Headers",
      "x-a, grip-hold",
    ]]).head.headers,
    [["X-A", "1"]],
  );
});

Deno.test("parseInstruct() writes header texts as UTF-8 bytes and passes control characters to safeHeaders()", () => {
  assertEquals(parse({ response: { headers: { X: "é\u0001" } } }).head.headers, [[
    "X",
    "\u00c3\u00a9\u0001",
  ]]);
});

Deno.test("parseInstruct() takes null as absent and digits in strings as numbers", () => {
  assertEquals(
    parse({
      hold: {
        mode: null,
        channels: [{ name: "a", "prev-id": null, filters: null }],
        timeout: "30",
        "keep-alive": null,
        meta: { a: null, b: "x" },
      },
      response: { code: "202", reason: null, headers: null, "body-bin": null, body: null },
    }),
    {
      hold: { mode: "response", timeoutSeconds: 30 },
      channels: [{ name: "a", filters: [] }],
      meta: new Map([["b", "x"]]),
      head: { code: 202, reason: "Accepted", headers: [] },
      body: new Uint8Array(0),
    },
  );
});

Deno.test("parseInstruct() prefers body-bin and content-bin, as lenient base64", () => {
  const instruct = parse({
    hold: {
      mode: "stream",
      channels: [],
      "keep-alive": { "content-bin": "AA\nE", content: "x", mode: "interval" },
    },
    response: { "body-bin": "/w", body: "x" },
  });
  assertEquals(instruct.hold, {
    mode: "stream",
    keepAlive: { data: Uint8Array.of(0, 1), timeoutSeconds: 55, mode: "interval" },
  });
  assertEquals(instruct.body, Uint8Array.of(255));
});

Deno.test("parseInstruct() applies floors and ignores a keep-alive without data", () => {
  assertEquals(parse({ hold: { channels: [], timeout: 0 } }).hold, { mode: "response", timeoutSeconds: 5 });
  assertEquals(parse({ hold: { mode: "stream", channels: [], "keep-alive": { content: "" } } }).hold, {
    mode: "stream",
  });
});

Deno.test("parseInstruct() names the field that is wrong, and its value", () => {
  refused(
    "{nope",
    "body is not valid JSON: Expected property name or '}' in JSON at position 1 (line 1 column 2)",
  );
  refused("[1]", "instruct must be an object");
  refused("null", "instruct must be an object");
  refused({}, "status is 404: answer 200 with this Content-Type", 404);
  refused({ hold: 1 }, "instruct contains 'hold' with wrong type: 1");
  refused({ hold: {} }, "'hold' does not contain 'channels'");
  refused({ hold: { channels: {} } }, "'hold' contains 'channels' with wrong type: {}");
  refused({ hold: { channels: ["a"] } }, `'hold' contains a channel with wrong type: "a"`);
  refused({ hold: { channels: [{}] } }, "channel does not contain 'name'");
  refused({ hold: { channels: [{ name: 1 }] } }, "channel contains 'name' with wrong type: 1");
  refused({ hold: { channels: [{ name: "" }] } }, `channel contains 'name' with invalid value: ""`);
  refused({ hold: { channels: [], mode: "none" } }, `'hold' contains 'mode' with invalid value: "none"`);
  refused({ hold: { channels: [], timeout: -1 } }, "'hold' contains 'timeout' with invalid value: -1");
  refused({ hold: { channels: [], timeout: "x" } }, `'hold' contains 'timeout' with invalid value: "x"`);
  refused({ hold: { channels: [], timeout: true } }, "'hold' contains 'timeout' with wrong type: true");
  refused({ hold: { channels: [], meta: { a: 1 } } }, "'meta' contains 'a' with wrong type: 1");
  refused(
    { hold: { channels: [{ name: "a", filters: Array(6).fill("x") }] } },
    `channel "a" has 6 filters: use 5 at most`,
  );
  refused({ response: { code: 1000 } }, "'response' contains 'code' with invalid value: 1000");
  refused({ response: { body: 1 } }, "'response' contains 'body' with wrong type: 1");
  refused({ response: { headers: { a: 1 } } }, `'response' contains 'headers' with wrong type: {"a":1}`);
  refused({ response: { headers: [["a"]] } }, `'response' contains 'headers' with wrong type: [["a"]]`);
});

Deno.test("parseInstruct() takes nothing from a prototype", () => {
  assertEquals(parse(`{"__proto__": {"hold": {"channels": []}}}`).hold, undefined);
  assertEquals(
    parse(`{"hold": {"channels": [], "meta": {"__proto__": "x"}}}`).meta,
    new Map([["__proto__", "x"]]),
  );
});
