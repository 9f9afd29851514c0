import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { PushpinError } from "../../../src/errors.ts";
import { applyBodyPatch } from "../../../src/grip/body_patch.ts";
import type { JsonPatch } from "../../../src/grip/publish_item.ts";

function patched(body: string, ...patch: JsonPatch): string {
  return new TextDecoder().decode(applyBodyPatch(new TextEncoder().encode(body), patch));
}

function refused(body: string, ...patch: JsonPatch): string {
  const error = assertThrows(() => patched(body, ...patch), PushpinError);
  assertEquals(error.code, "PUSHPIN_PATCH_INVALID");
  return error.message;
}

Deno.test("applyBodyPatch() does the six operations", () => {
  assertEquals(
    patched(
      `{"a": 1, "l": [1, 2], "m~n": 0, "x/y": 0}`,
      { op: "test", path: "/a", value: 1 },
      { op: "add", path: "/b", value: { z: 1 } },
      { op: "add", path: "/l/-", value: 4 },
      { op: "add", path: "/l/2", value: 3 },
      { op: "copy", from: "/l", path: "/c" },
      { op: "remove", path: "/l/0" },
      { op: "replace", path: "/m~0n", value: "t" },
      { op: "remove", path: "/x~1y" },
      { op: "move", from: "/a", path: "/d" },
    ),
    `{"b":{"z":1},"c":[1,2,3,4],"d":1,"l":[2,3,4],"m~n":"t"}`,
  );
});

Deno.test("applyBodyPatch() writes compact JSON with sorted keys and keeps the newline at the end", () => {
  assertEquals(patched(`{"b": [ {"y": 1, "x": 2} ], "a": "é"}\n`), `{"a":"é","b":[{"x":2,"y":1}]}\n`);
  assertEquals(patched(`[1]\r\n`, { op: "add", path: "/-", value: 2 }), `[1,2]\r\n`);
  assertEquals(patched(`[]\n\n`), `[]\n`);
});

Deno.test("applyBodyPatch() changes neither body nor patch", () => {
  const patch = [{ op: "add", path: "/a", value: { b: 1 } }, { op: "replace", path: "/a/b", value: 2 }];
  const before = JSON.stringify(patch);
  assertEquals(patched("{}", ...patch), `{"a":{"b":2}}`);
  assertEquals(JSON.stringify(patch), before);
  assertEquals(patched("{}", ...patch), `{"a":{"b":2}}`);
});

Deno.test("applyBodyPatch() refuses bodies that are no JSON object or list", () => {
  refused("");
  refused("nope");
  refused("1");
  refused("null");
  assertThrows(() => applyBodyPatch(Uint8Array.of(0x22, 0xff, 0x22), []), PushpinError, "not UTF-8");
});

Deno.test("applyBodyPatch() refuses operations that cannot be done, all or nothing", () => {
  assertStringIncludes(
    refused(`{"a":1}`, { op: "replace", path: "/b", value: 1 }),
    `operation 1 names "/b", which is not there`,
  );
  refused(`{"a":1}`, { op: "test", path: "/a", value: "1" });
  refused(`{"a":1}`, { op: "remove", path: "/b" });
  refused(`{"a":1}`, { op: "add", path: "/b/c", value: 1 });
  refused(`{"a":1}`, { op: "add", path: "/a/c", value: 1 });
  refused(`{"a":1}`, { op: "add", path: "b", value: 1 });
  refused(`{"a":1}`, { op: "add", path: "/b" });
  refused(`{"a":1}`, { op: "add", value: 1 });
  refused(`{"a":1}`, { op: "_get", path: "/a" });
  refused(`{"a":1}`, {});
  refused(`{"a":1}`, { op: "copy", path: "/b" });
  refused(`{"a":{}}`, { op: "move", from: "/a", path: "/a/b" });
  refused(`[1]`, { op: "add", path: "/2", value: 1 });
  refused(`[1]`, { op: "add", path: "/01", value: 1 });
  refused(`[1]`, { op: "add", path: "/length", value: 0 });
  refused(`[1]`, { op: "remove", path: "/-" });
  refused(`[1]`, { op: "remove", path: "/1" });
});

Deno.test("applyBodyPatch() reaches no prototype and invents no path", () => {
  // The library alone follows inherited names: {"op":"add","path":"/toString/x"} would change every object there is.
  refused("{}", { op: "add", path: "/__proto__/x", value: 1 });
  refused("{}", { op: "add", path: "/__proto__", value: { x: 1 } });
  refused("{}", { op: "add", path: "/toString/x", value: 1 });
  refused("{}", { op: "add", path: "/constructor/prototype/x", value: 1 });
  refused("{}", { op: "copy", from: "/toString", path: "/a" });
  refused("[]", { op: "add", path: "/push/x", value: 1 });
  refused("{}", { op: "test", path: "/toString", value: null });
  assertEquals(Object.hasOwn(Object.prototype.toString, "x"), false);
  assertEquals(({} as Record<string, unknown>)["x"], undefined);
});

Deno.test("applyBodyPatch() changes members that only look like prototypes", () => {
  assertEquals(
    patched(`{"constructor":"a"}`, { op: "replace", path: "/constructor", value: "b" }),
    `{"constructor":"b"}`,
  );
  assertEquals(patched(`{"__proto__":1}`, { op: "add", path: "/a", value: 1 }), `{"__proto__":1,"a":1}`);
});

Deno.test("applyBodyPatch() stops a patch that copies a document into itself over and over", () => {
  const double = { op: "copy", from: "", path: "/-" };
  assertStringIncludes(refused(`["0123456789"]`, ...Array(40).fill(double)), "copies too much");
});

Deno.test("applyBodyPatch() refuses a document that nests too deep to write", () => {
  const depth = 100_000;
  assertStringIncludes(refused("[".repeat(depth) + "]".repeat(depth)), "cannot be written");
});
