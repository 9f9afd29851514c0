import { assertEquals, assertThrows } from "@std/assert";
import { PushpinError } from "../../../src/errors.ts";
import { type Formats, type ParseItemOptions, parsePublishItem } from "../../../src/grip/publish_item.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

function refused(value: unknown, text: string, options?: ParseItemOptions): void {
  const error = assertThrows(() => parsePublishItem(value, options), PushpinError);
  assertEquals(error.code, "PUSHPIN_ITEM_INVALID");
  assertEquals(error.message, text);
}

function formats(value: unknown, options?: ParseItemOptions): Formats {
  return parsePublishItem({ channel: "c", formats: value }, options).formats;
}

Deno.test("parsePublishItem() reads every field of an item", () => {
  assertEquals(
    parsePublishItem({
      channel: "é",
      id: "2",
      "prev-id": "1",
      formats: { "http-stream": { content: "é\n" } },
      meta: { sender: "bob", none: null },
      size: 3,
      "no-seq": true,
      ttl: 60,
    }),
    {
      channel: "é",
      id: "2",
      prevId: "1",
      formats: { "http-stream": { action: "send", content: utf8("é\n") } },
      meta: new Map([["sender", "bob"]]),
      size: 3,
      noSeq: true,
    },
  );
});

Deno.test("parsePublishItem() reads the flat form, and takes null as absent", () => {
  assertEquals(
    parsePublishItem({
      channel: "c",
      id: null,
      formats: null,
      meta: null,
      size: null,
      "no-seq": null,
      "http-stream": { content: "x" },
      "ws-message": null,
    }),
    {
      channel: "c",
      formats: { "http-stream": { action: "send", content: utf8("x") } },
      meta: new Map(),
      noSeq: false,
    },
  );
});

Deno.test("parsePublishItem() takes the channel from the topic of a SUB socket", () => {
  assertEquals(parsePublishItem({ formats: { x: {} } }, { channel: "topic" }).channel, "topic");
  assertEquals(parsePublishItem({ channel: "c", formats: { x: {} } }, { channel: "topic" }).channel, "topic");
});

Deno.test("parsePublishItem() ignores unknown formats, but wants one", () => {
  assertEquals(formats({ "sms": 1 }), {});
  refused({ channel: "a" }, "no formats specified"); // recorded: control-no-formats
  refused({ channel: "a", formats: {} }, "no formats specified");
  refused({ channel: "a", sms: {} }, "no formats specified");
});

Deno.test("parsePublishItem() words what is wrong as publishers know it", () => {
  refused(1, "publish item object is not an object");
  refused([], "publish item object is not an object");
  refused(null, "publish item object is not an object");
  // recorded: control-no-channel
  refused({ formats: { "http-stream": { content: "x" } } }, "publish item object does not contain 'channel'");
  refused({ channel: 1 }, "publish item object contains 'channel' with wrong type");
  refused({ channel: "" }, "publish item object contains 'channel' with invalid value");
  refused({ channel: "c", id: 1 }, "publish item object contains 'id' with wrong type");
  refused({ channel: "c", "prev-id": [] }, "publish item object contains 'prev-id' with wrong type");
  refused({ channel: "c", formats: [] }, "publish item object contains 'formats' with wrong type");
  refused({ channel: "c", size: -1 }, "publish item object contains 'size' with invalid value");
  refused({ channel: "c", size: {} }, "publish item object contains 'size' with wrong type");
  refused(
    { channel: "c", formats: { x: 1 }, meta: [] },
    "publish item object contains 'meta' with wrong type",
  );
  refused({ channel: "c", formats: { x: 1 }, meta: { a: 1 } }, "'meta' contains 'a' with wrong type");
  refused(
    { channel: "c", formats: { x: 1 }, "no-seq": 1 },
    "publish item object contains 'no-seq' with wrong type",
  );
  refused(
    { channel: "c", formats: { "http-stream": 1 } },
    "'formats' contains 'http-stream' with wrong type",
  );
  refused({ channel: "c", "http-stream": 1 }, "publish item object contains 'http-stream' with wrong type");
});

function formatRefused(format: string, value: unknown, text: string): void {
  refused({ channel: "c", formats: { [format]: value } }, text);
}

Deno.test("parsePublishItem() reads http-response with defaults", () => {
  assertEquals(formats({ "http-response": { body: "x" } })["http-response"], {
    action: "send",
    code: 200,
    reason: "OK",
    headers: [],
    body: utf8("x"),
  });
  assertEquals(
    formats({
      "http-response": {
        code: "299",
        headers: { "X-A": "é" },
        body: "x",
        "content-filters": ["build-id"],
      },
    })["http-response"],
    {
      action: "send",
      code: 299,
      reason: "Undefined Reason",
      headers: [["X-A", "\u00c3\u00a9"]],
      body: utf8("x"),
      contentFilters: ["build-id"],
    },
  );
});

Deno.test("parsePublishItem() prefers body-bin, then body, then body-patch", () => {
  const body = (value: object) => {
    const format = formats({ "http-response": value })["http-response"];
    return format?.action === "send" ? format.body : undefined;
  };
  const patch = [{ op: "remove", path: "/a" }];
  assertEquals(body({ "body-bin": "AA\nE=", body: "x", "body-patch": patch }), Uint8Array.of(0, 1));
  assertEquals(body({ body: "x", "body-patch": patch }), utf8("x"));
  assertEquals(body({ "body-patch": patch }), { patch });
  assertEquals(body({ "body-bin": "" }), new Uint8Array(0));
});

Deno.test("parsePublishItem() words what is wrong with http-response", () => {
  const wrong = (value: unknown, text: string) =>
    formatRefused("http-response", value, `'http-response' ${text}`);
  wrong({}, "does not contain 'body', 'body-bin', or 'body-patch'");
  wrong({ body: 1 }, "contains 'body' with wrong type");
  wrong({ "body-bin": {} }, "contains 'body-bin' with wrong type");
  wrong({ "body-patch": {} }, "contains 'body-patch' with wrong type");
  wrong({ "body-patch": [1] }, "contains 'body-patch' with wrong type");
  wrong({ body: "x", code: 1000 }, "contains 'code' with invalid value");
  wrong({ body: "x", code: "many" }, "contains 'code' with invalid value");
  wrong({ body: "x", reason: 1 }, "contains 'reason' with wrong type");
  wrong({ body: "x", headers: "a: b" }, "contains 'headers' with wrong type");
  wrong({ body: "x", headers: [["a", "b", "c"]] }, "contains 'headers' with wrong type");
  wrong({ body: "x", "content-filters": "a" }, "contains 'content-filters' with wrong type");
  wrong({ body: "x", "content-filters": [1] }, "contains 'content-filters' with wrong type");
  wrong({ action: "explode" }, "contains 'action' with invalid value");
  wrong({ action: 1 }, "contains 'action' with wrong type");
});

Deno.test("parsePublishItem() reads the other actions without looking at what they do not need", () => {
  const rest = { content: 1, body: 1, headers: 1, "content-filters": 1 };
  for (const action of ["hint", "close", "refresh"]) {
    assertEquals(formats({ "http-response": { action, ...rest } })["http-response"], { action } as never);
  }
  for (const action of ["hint", "close"]) {
    assertEquals(formats({ "http-stream": { action, ...rest } })["http-stream"], { action } as never);
  }
  for (const action of ["hint", "refresh"]) {
    assertEquals(formats({ "ws-message": { action, ...rest } })["ws-message"], { action } as never);
  }
  assertEquals(
    formats({ "ws-message": { action: "close", code: 4000, reason: "bye", ...rest } })["ws-message"],
    {
      action: "close",
      code: 4000,
      reason: "bye",
    },
  );
  formatRefused("http-stream", { action: "refresh" }, "'http-stream' contains 'action' with invalid value");
  formatRefused("ws-message", { action: "ping" }, "'ws-message' contains 'action' with invalid value");
});

Deno.test("parsePublishItem() reads http-stream, content-bin first", () => {
  const content = (value: object) => {
    const format = formats({ "http-stream": value })["http-stream"];
    return format?.action === "send" ? format.content : undefined;
  };
  assertEquals(content({ content: "" }), new Uint8Array(0));
  assertEquals(content({ "content-bin": "AAEC/w==", content: "x" }), Uint8Array.of(0, 1, 2, 255));
  formatRefused("http-stream", {}, "'http-stream' does not contain 'content' or 'content-bin'");
  formatRefused("http-stream", { content: 1 }, "'http-stream' contains 'content' with wrong type");
});

Deno.test("parsePublishItem() reads ws-message types", () => {
  const message = (value: object) => formats({ "ws-message": value })["ws-message"];
  const send = (type: string, content: Uint8Array) => ({ action: "send", type, content }) as never;
  assertEquals(message({ content: "x" }), send("text", utf8("x")));
  assertEquals(message({ "content-bin": "AAE=" }), send("binary", Uint8Array.of(0, 1)));
  assertEquals(message({ "content-bin": "eA==", type: "text" }), send("text", utf8("x")));
  assertEquals(message({ type: "ping" }), send("ping", new Uint8Array(0)));
  assertEquals(message({ type: "pong", content: "x" }), send("pong", utf8("x")));
  formatRefused("ws-message", {}, "'ws-message' does not contain 'content' or 'content-bin'");
  formatRefused("ws-message", { type: "binary" }, "'ws-message' does not contain 'content' or 'content-bin'");
  formatRefused("ws-message", { type: "pang" }, "'ws-message' contains 'type' with invalid value");
  formatRefused(
    "ws-message",
    { action: "close", code: -1 },
    "'ws-message' contains 'code' with invalid value",
  );
});

Deno.test("parsePublishItem() reads tnetstring values, whose strings are bytes", () => {
  const raw = Uint8Array.of(0, 0xff);
  assertEquals(
    parsePublishItem({
      channel: utf8("é"),
      id: utf8("1"),
      formats: {
        "http-response": {
          code: 201,
          headers: [[utf8("X"), Uint8Array.of(0xc3, 0xa9)]],
          "body-bin": utf8("AAE="), // not known in this form
          body: raw,
        },
        "http-stream": { action: utf8("hint") },
        "ws-message": { "content-bin": raw },
      },
      meta: { sender: utf8("bob") },
    }, { binary: true }),
    {
      channel: "é",
      id: "1",
      formats: {
        "http-response": {
          action: "send",
          code: 201,
          reason: "Created",
          headers: [["X", "\u00c3\u00a9"]],
          body: raw,
        },
        "http-stream": { action: "hint" },
        "ws-message": { action: "send", type: "binary", content: raw },
      },
      meta: new Map([["sender", "bob"]]),
      noSeq: false,
    },
  );
  refused(
    { channel: "c", formats: { "http-stream": { "content-bin": raw } } },
    "'http-stream' does not contain 'content' or 'content-bin'",
    { binary: true },
  );
});

Deno.test("parsePublishItem() makes a patch of tnetstring values plain JSON", () => {
  const value = {
    "body-patch": [{ op: utf8("add"), path: utf8("/a"), value: { __proto__x: [utf8("x"), null, 1] } }],
  };
  assertEquals(formats({ "http-response": value }, { binary: true })["http-response"], {
    action: "send",
    code: 200,
    reason: "OK",
    headers: [],
    body: { patch: [{ op: "add", path: "/a", value: { __proto__x: ["x", null, 1] } }] },
  });
});

Deno.test("parsePublishItem() of a Ruby client's wrapped base64 is the content", () => {
  const content = "x".repeat(100);
  const wrapped = btoa(content).replace(/(.{60})/g, "$1\n") + "\n";
  assertEquals(formats({ "http-stream": { "content-bin": wrapped } })["http-stream"], {
    action: "send",
    content: utf8(content),
  });
});
