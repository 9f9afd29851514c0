import { assertEquals } from "@std/assert";
import {
  hasGripHeaders,
  headerValue,
  headerValues,
  isGrip,
  isSafeHeaderName,
  isSafeHeaderValue,
  keepExposed,
  overlayHeaders,
  safeHeaders,
  stripForClient,
  stripHops,
  withoutHeader,
} from "../../../src/grip/headers.ts";
import type { Header } from "../../../src/grip/head.ts";

const SOME: readonly Header[] = [["X-A", "1"], ["x-b", "2"], ["x-a", "3"]];

Deno.test("headerValue() and headerValues() ignore case and keep order", () => {
  assertEquals(headerValue(SOME, "x-A"), "1");
  assertEquals(headerValue(SOME, "x-c"), undefined);
  assertEquals(headerValues(SOME, "X-a"), ["1", "3"]);
  assertEquals(withoutHeader(SOME, "X-a"), [["x-b", "2"]]);
});

Deno.test("overlayHeaders() replaces all fields of a name, whatever its case", () => {
  assertEquals(overlayHeaders(SOME, [["X-a", "new"], ["X-a", "two"]]), [
    ["x-b", "2"],
    ["X-a", "new"],
    ["X-a", "two"],
  ]);
});

Deno.test("isGrip() knows the prefix in any case and nothing shorter", () => {
  assertEquals(["Grip-Hold", "GRIP-x", "grip-", "Grip", "gripper-x", "X-Grip-Y"].map(isGrip), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  assertEquals(hasGripHeaders([["a", "b"], ["GRIP-Unknown", ""]]), true);
  assertEquals(hasGripHeaders(SOME), false);
});

Deno.test("stripForClient() takes out Grip, hop-by-hop, what Connection names, length and encoding", () => {
  assertEquals(
    stripForClient([
      ["Grip-Hold", "stream"],
      ["Connection", "close, X-Private"],
      ["Keep-Alive", "timeout=5"],
      ["Transfer-Encoding", "chunked"],
      ["Content-Length", "3"],
      ["Content-Encoding", "gzip"],
      ["x-private", "1"],
      ["Upgrade", "x"],
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
    ]),
    [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]],
  );
});

Deno.test("stripHops() leaves Content-Encoding, as a publisher's body is what its label says", () => {
  assertEquals(stripHops([["Content-Encoding", "gzip"], ["Content-Length", "3"]]), [[
    "Content-Encoding",
    "gzip",
  ]]);
});

Deno.test("keepExposed() keeps only the named fields, and all where nothing was said", () => {
  assertEquals(keepExposed(SOME, ["x-b"]), [["x-b", "2"]]);
  assertEquals(keepExposed(SOME, []), []);
  assertEquals(keepExposed(SOME, undefined), [...SOME]);
});

Deno.test("isSafeHeaderValue() allows exactly tab, 0x20 to 0x7e and 0x80 to 0xff", () => {
  // The runtime's writer ends the process on anything else; checked here for every character there is.
  for (let c = 0; c <= 0xffff; c++) {
    const safe = c === 9 || (c >= 0x20 && c <= 0x7e) || (c >= 0x80 && c <= 0xff);
    if (isSafeHeaderValue(`a${String.fromCharCode(c)}b`) !== safe) {
      throw new Error(`character ${c} should be ${safe ? "safe" : "unsafe"}`);
    }
  }
});

Deno.test("safeHeaders() parts what may be sent from what may not, by name", () => {
  assertEquals(safeHeaders([["a", "ok"], ["b\n", "x"], ["c", "x\x01"], ["", "x"], ["d e", "x"], ["f", ""]]), {
    kept: [["a", "ok"], ["f", ""]],
    dropped: ["b\\n", "c", "", "d e"],
  });
  assertEquals(["X-a_b.1", "a:b", "é", "a(b"].map(isSafeHeaderName), [true, false, false, false]);
});
