import { assertEquals } from "@std/assert";
import { encodePublishItem } from "../../../src/grip/publish_encode.ts";
import { parsePublishItem, type PublishItem } from "../../../src/grip/publish_item.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

const ITEMS: readonly PublishItem[] = [
  { channel: "c", formats: {}, meta: new Map(), noSeq: false },
  {
    channel: "é",
    id: "2",
    prevId: "1",
    formats: {
      "http-response": {
        action: "send",
        code: 299,
        reason: "Mine",
        headers: [["A", "b"], ["A", "\u00c3\u00a9"]],
        body: Uint8Array.of(0xff, 0),
        contentFilters: [],
      },
      "http-stream": { action: "send", content: utf8("\ufeffé"), contentFilters: ["build-id"] },
      "ws-message": { action: "send", type: "text", content: Uint8Array.of(0xff) },
    },
    meta: new Map([["a", "b"], ["__proto__", "c"]]),
    size: 7,
    noSeq: true,
  },
  {
    channel: "c",
    formats: {
      "http-response": {
        action: "send",
        code: 200,
        reason: "OK",
        headers: [],
        body: { patch: [{ op: "add", path: "/a", value: [1, "x", null] }] },
      },
      "http-stream": { action: "close" },
      "ws-message": { action: "close", code: 4000, reason: "bye" },
    },
    meta: new Map(),
    noSeq: false,
  },
  {
    channel: "c",
    formats: {
      "http-response": { action: "hint" },
      "http-stream": { action: "hint" },
      "ws-message": { action: "send", type: "ping", content: new Uint8Array(0) },
    },
    meta: new Map(),
    noSeq: false,
  },
];

Deno.test("encodePublishItem() is the inverse of parsePublishItem(), as JSON and as binary", () => {
  for (const item of ITEMS) {
    // An item without formats cannot be published; nothing else is lost.
    if (Object.keys(item.formats).length === 0) continue;
    assertEquals(parsePublishItem(JSON.parse(JSON.stringify(encodePublishItem(item)))), item);
    assertEquals(parsePublishItem(encodePublishItem(item, { binary: true }), { binary: true }), item);
  }
});

Deno.test("encodePublishItem() uses base64 only where content is not UTF-8, and leaves defaults out", () => {
  assertEquals(
    encodePublishItem(parsePublishItem({ channel: "c", formats: { "http-response": { body: "é" } } })),
    { channel: "c", formats: { "http-response": { body: "é" } } },
  );
  assertEquals(encodePublishItem(ITEMS[1]!).formats, {
    "http-response": {
      code: 299,
      reason: "Mine",
      headers: [["A", "b"], ["A", "é"]],
      "body-bin": "/wA=",
      "content-filters": [],
    },
    "http-stream": { content: "\ufeffé", "content-filters": ["build-id"] },
    "ws-message": { type: "text", "content-bin": "/w==" },
  });
});
