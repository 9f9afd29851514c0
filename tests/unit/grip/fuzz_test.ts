/** Strangers' bytes: every parser gives a value or a PushpinError, and nothing else, for 10 000 broken inputs each. */
import { assertEquals } from "@std/assert";
import { PushpinError } from "../../../src/errors.ts";
import { decodeBase64Leniently } from "../../../src/grip/base64.ts";
import { applyBodyPatch } from "../../../src/grip/body_patch.ts";
import { applyFilters } from "../../../src/grip/filters.ts";
import type { Header, ResponseHead } from "../../../src/grip/head.ts";
import { parseList, parseParams } from "../../../src/grip/header_params.ts";
import { safeHeaders } from "../../../src/grip/headers.ts";
import { parseInstruct, readInstructHead } from "../../../src/grip/instruct.ts";
import { encodePublishItem } from "../../../src/grip/publish_encode.ts";
import { type JsonPatch, parsePublishItem } from "../../../src/grip/publish_item.ts";
import { renderTemplate, TemplateStream } from "../../../src/grip/template.ts";
import { mutateText, mutateValue } from "../../helpers/mutate.ts";
import { Random } from "../../helpers/random.ts";

const ROUNDS = 10_000;
const utf8 = (text: string) => new TextEncoder().encode(text);

/** The value, or the PushpinError's message. Anything else thrown fails the test with the seed and the input. */
function attempt<T>(seed: number, input: unknown, run: () => T): T | string {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof PushpinError) return thrown.message;
    throw new Error(`Seed ${seed}: ${JSON.stringify(input)}`, { cause: thrown });
  }
}

/** Runs `body` for many seeds and checks that the inputs are neither all good nor all bad. */
function fuzz(name: string, body: (random: Random, seed: number) => unknown): void {
  Deno.test(name, () => {
    let refused = 0;
    for (let seed = 1; seed <= ROUNDS; seed++) {
      if (typeof body(new Random(seed), seed) === "string") refused++;
    }
    assertEquals(refused > 0 && refused < ROUNDS, true, `${refused} of ${ROUNDS} refused`);
  });
}

const HEADERS: readonly Header[] = [
  ["Grip-Hold", "stream"],
  ["Grip-Hold", "response"],
  ["Grip-Channel", 'a; prev-id=1; filter=build-id, "b,c"; prev-id="x\\"y"'],
  ["Grip-Timeout", "60"],
  ["Grip-Keep-Alive", "event: ka\\ndata:\\n\\n\\x00; format=cstring; timeout=20; mode=interval"],
  ["Grip-Keep-Alive", "AAEC; format=base64"],
  ["Grip-Set-Meta", 'user=alice, note="a, b; c"'],
  ["Grip-Link", "</next?a=1,2>; rel=next; timeout=30, <http://x.test/>; rel=gone"],
  ["Grip-Status", "404 Not There"],
  ["Grip-Expose-Headers", "x-a, content-type"],
  ["Connection", "close, x-b"],
  ["X-A", "y"],
];
const HEADER_CHARS = 'a1;,="\\<>% \t-:/x\u0000\u007f\u0080\u00ff';

function brokenHead(random: Random): ResponseHead {
  const headers = Array.from({ length: random.int(1, 6) }, () => {
    const [name, value] = random.pick(HEADERS);
    return [name, random.chance(0.5) ? value : mutateText(random, value, HEADER_CHARS)] as const;
  });
  return { code: random.pick([200, 204, 404, 600]), reason: "", headers };
}

fuzz("parseInstruct() of broken headers gives an instruct or a PushpinError", (random, seed) => {
  const head = brokenHead(random);
  const body = random.bytes(random.int(20));
  const result = attempt(seed, head, () => parseInstruct(head, body));
  const streamed = attempt(seed, head, () => readInstructHead(head));
  if (typeof result === "string") assertEquals(streamed, result);
  else {
    new Response(null, { status: result.head.code });
    new Headers(safeHeaders(result.head.headers).kept.map(([n, v]): [string, string] => [n, v]));
    for (const channel of result.channels) assertEquals(channel.filters.length <= 5, true);
  }
  return result;
});

fuzz("parseList() and parseParams() read any text", (random, seed) => {
  const text = random.text(random.int(40), HEADER_CHARS);
  attempt(seed, text, () => parseList([text]));
  return attempt(seed, text, () => parseParams(text)) ?? "quote";
});

const INSTRUCT = {
  hold: {
    mode: "stream",
    channels: [{ name: "a", "prev-id": "1", filters: ["skip-self", "build-id"] }, { name: "b" }],
    timeout: 60,
    "keep-alive": { content: "k\n", "content-bin": "AAE=", timeout: "4", mode: "idle" },
    meta: { user: "alice" },
  },
  response: { code: 200, reason: "OK", headers: [["X-A", "b"], ["X-B", "c"]], body: "x", "body-bin": "AAE=" },
};

fuzz("parseInstruct() of a broken JSON body gives an instruct or a PushpinError", (random, seed) => {
  let text = JSON.stringify(mutateValue(random, INSTRUCT));
  if (random.chance(0.3)) text = mutateText(random, text, '{}[]",:\\ntrue019-e\u00e9');
  const bytes = utf8(text);
  if (random.chance(0.1) && bytes.length > 0) bytes[random.int(bytes.length)] = random.int(256);
  const head = { code: 200, reason: "", headers: [["Content-Type", "application/grip-instruct"]] as const };
  return attempt(seed, text, () => parseInstruct(head, bytes));
});

const ITEM = {
  channel: "c",
  id: "2",
  "prev-id": "1",
  formats: {
    "http-response": {
      code: 201,
      reason: "Made",
      headers: { "X-A": "b" },
      "body-bin": "AAE=",
      body: "x",
      "body-patch": [{ op: "add", path: "/a", value: { b: [1, null] } }],
      "content-filters": ["build-id"],
    },
    "http-stream": { action: "send", content: "x", "content-bin": "AAE=" },
    "ws-message": { type: "ping", content: "x", code: 1000, reason: "x" },
  },
  meta: { sender: "bob" },
  size: 3,
  "no-seq": false,
};

fuzz(
  "parsePublishItem() of broken JSON gives an item that survives its encoding, or a PushpinError",
  (random, seed) => {
    const value = mutateValue(random, ITEM);
    const item = attempt(seed, value, () => parsePublishItem(value));
    if (typeof item === "string" || Object.keys(item.formats).length === 0) return item;
    // A lone surrogate in a text becomes U+FFFD when it becomes bytes, so the second encoding is the one to compare.
    const again = parsePublishItem(JSON.parse(JSON.stringify(encodePublishItem(item))));
    assertEquals(parsePublishItem(encodePublishItem(again, { binary: true }), { binary: true }), again);
    return item;
  },
);

fuzz("parsePublishItem() of broken tnetstring values gives an item or a PushpinError", (random, seed) => {
  const odd = [new Uint8Array(0), Uint8Array.of(0xff, 0xfe), null, 1.5, NaN, -0, true, [], {}, [
    new Uint8Array(1),
  ]];
  const value = mutateValue(random, bytesFor(ITEM), odd);
  return attempt(seed, value, () => parsePublishItem(value, { binary: true }));
});

function bytesFor(value: unknown): unknown {
  if (typeof value === "string") return utf8(value);
  if (Array.isArray(value)) return value.map(bytesFor);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, bytesFor(item)]));
}

fuzz("TemplateStream in pieces says what renderTemplate() says of the whole", (random, seed) => {
  const template = utf8(random.text(random.int(30), "aZ1%%%()()\\\u00e9"));
  const show = (letter: string, argument?: string) => `<${letter}:${argument}>`;
  const whole = attempt(seed, template, () => [...renderTemplate(template, show)]);
  const pieces = attempt(seed, template, () => {
    const stream = new TemplateStream(show);
    const out = [...random.pieces(template, 4)].flatMap((piece) => [...stream.push(piece)]);
    stream.end();
    return out;
  });
  assertEquals(pieces, whole, `seed ${seed}`);
  return whole;
});

fuzz(
  "applyFilters() on broken content and meta sends, drops or fails, and throws nothing",
  (random, seed) => {
    const filters = ["var-subst", "build-id", "skip-self", "toString"].filter(() => random.chance(0.6));
    const content = mutateText(random, "%(user)s %(x)I %I %%", "%()sI\\");
    const context = {
      subMeta: new Map([["user", "a"], ["id_format", mutateText(random, "%(a)s", "%()s")]]),
      pubMeta: new Map([["sender", random.pick(["a", "b"])]]),
      channels: new Map([["a", "1"]]),
    };
    const result = attempt(seed, content, () => applyFilters(filters, context, utf8(content)));
    assertEquals(typeof result, "object", `seed ${seed}`);
    return typeof result === "object" && result.kind === "error" ? "error" : result;
  },
);

const PATCH: JsonPatch = [
  { op: "add", path: "/a/-", value: { x: 1 } },
  { op: "copy", from: "/a", path: "/b" },
  { op: "replace", path: "/a/0", value: "t" },
  { op: "move", from: "/b/1", path: "/c" },
  { op: "test", path: "/a/0", value: "t" },
  { op: "remove", path: "/a/0" },
];
const POINTERS = [
  "",
  "/",
  "/a",
  "/a/0",
  "/a/-",
  "/b",
  "/__proto__",
  "/constructor/prototype",
  "/toString/x",
  "/~2",
  "/a/push",
];

fuzz(
  "applyBodyPatch() of broken patches gives a body or a PushpinError, and leaves prototypes alone",
  (random, seed) => {
    const patch = PATCH.map((operation) => ({
      ...(mutateValue(random, operation) as Record<string, unknown>),
      ...(random.chance(0.1) && { path: random.pick(POINTERS) }),
      ...(random.chance(0.1) && { from: random.pick(POINTERS) }),
    }));
    const body = random.chance(0.1) ? mutateText(random, `{"a":[1]}`, '{}[]",:1') : `{"a":[1,"x"]}`;
    const names = Reflect.ownKeys(Object.prototype).length + Reflect.ownKeys(Array.prototype).length;
    const result = attempt(seed, { patch, body }, () => applyBodyPatch(utf8(body), patch));
    assertEquals(Reflect.ownKeys(Object.prototype).length + Reflect.ownKeys(Array.prototype).length, names);
    assertEquals(Object.keys(Array.prototype.push).length + Object.keys(Object.prototype.toString).length, 0);
    return result;
  },
);

Deno.test("decodeBase64Leniently() reads any text", () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = new Random(seed);
    const text = random.text(random.int(50), "AZaz09+/-_=\r\n \u0000é€");
    assertEquals(decodeBase64Leniently(text).length <= text.length, true);
  }
});
