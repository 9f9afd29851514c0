import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { PushpinError } from "../../../src/errors.ts";
import { MAX_ARGUMENT_BYTES, renderTemplate, TemplateStream } from "../../../src/grip/template.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const show = (letter: string, argument?: string) =>
  `<${letter}${argument === undefined ? "" : `:${argument}`}>`;
const render = (text: string) => new TextDecoder().decode(renderTemplate(utf8(text), show));

/** The same, byte by byte. */
function renderSlowly(text: string): string {
  const stream = new TemplateStream(show);
  const decoder = new TextDecoder();
  let out = "";
  for (const byte of utf8(text)) out += decoder.decode(stream.push(Uint8Array.of(byte)), { stream: true });
  stream.end();
  return out;
}

Deno.test("renderTemplate() knows %%, a letter, and an argument with escapes, whole and byte by byte", () => {
  for (
    const [template, expected] of [
      ["", ""],
      ["plain é", "plain é"],
      ["100%%", "100%"],
      ["a%Ib%zc", "a<I>b<z>c"],
      ["%(x y)s%()s", "<s:x y><s:>"],
      ["%(a\\)b\\\\c\\d)s", "<s:a)b\\cd>"],
      ["%(%)s%%%(é)I", "<s:%>%<I:é>"],
    ] as const
  ) {
    assertEquals(render(template), expected);
    assertEquals(renderSlowly(template), expected);
  }
});

Deno.test("renderTemplate() refuses anything else, saying where", () => {
  for (
    const [template, at] of [
      ["ab%1", "at byte 3"],
      ["%", "at byte 1"],
      ["x%(abc", "at byte 6"],
      ["%(a)", "at byte 4"],
      ["%(a)%", "at byte 4"],
      ["%(a\\", "at byte 4"],
    ] as const
  ) {
    for (const run of [render, renderSlowly]) {
      const error = assertThrows(() => run(template), PushpinError, at);
      assertEquals(error.code, "PUSHPIN_TEMPLATE_INVALID");
    }
  }
});

Deno.test("renderTemplate() bounds an argument", () => {
  const longest = "x".repeat(MAX_ARGUMENT_BYTES);
  assertEquals(render(`%(${longest})s`), `<s:${longest}>`);
  assertThrows(() => render(`%(${longest}x)s`), PushpinError, "more than 4096 bytes");
});

Deno.test("TemplateStream.push() returns a piece without directives itself", () => {
  const piece = utf8("nothing here");
  assertStrictEquals(new TemplateStream(show).push(piece), piece);
});
