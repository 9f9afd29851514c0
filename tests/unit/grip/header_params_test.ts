import { assertEquals } from "@std/assert";
import { param, parseElement, parseList, parseParams, splitList } from "../../../src/grip/header_params.ts";

Deno.test("splitList() splits at commas outside quotes and angle brackets", () => {
  assertEquals(splitList('a, "b,c" ,,d\\,e, f="x\\",y"'), ["a", '"b,c"', "d\\", "e", 'f="x\\",y"']);
  assertEquals(splitList("</a?x=1,2>; rel=next, </b>; rel=gone"), ["</a?x=1,2>; rel=next", "</b>; rel=gone"]);
  assertEquals(splitList("a<b, c"), ["a<b", "c"]);
  assertEquals(splitList(""), []);
});

Deno.test("parseList() drops the element whose quote does not end, and no other", () => {
  assertEquals(parseList(["a", 'b; x="unterminated', "c"]).map((e) => e.value), ["a", "c"]);
  assertEquals(parseList(['a, b; x="never, c', "d"]).map((e) => e.value), ["a", "d"]);
  assertEquals(parseList(['a; x="ends with a backslash\\']), []);
});

Deno.test("parseParams() reads bare names, tokens and quoted strings with escapes", () => {
  assertEquals(parseParams('a; b = c ;d="x; \\"y\\" \\\\";e=;=f;;'), [
    ["a", ""],
    ["b", "c"],
    ["d", 'x; "y" \\'],
    ["e", ""],
  ]);
});

Deno.test("parseElement() takes a quoted value as a whole, and raw data as it stands", () => {
  assertEquals(parseElement('"a;b,c"; x=1'), { value: "a;b,c", params: [["x", "1"]] });
  assertEquals(parseElement('{"a":1}; x=1', { raw: true }), { value: '{"a":1}', params: [["x", "1"]] });
  assertEquals(parseElement('"a"; x=1', { raw: true }), { value: '"a"', params: [["x", "1"]] });
});

Deno.test("param() finds a parameter without regard to case", () => {
  assertEquals(param(parseElement("a; Prev-ID=x; prev-id=y")!, "prev-id"), "x");
  assertEquals(param(parseElement("a")!, "prev-id"), undefined);
});
