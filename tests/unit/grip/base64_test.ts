import { assertEquals } from "@std/assert";
import { decodeBase64Leniently } from "../../../src/grip/base64.ts";
import { Random } from "../../helpers/random.ts";

const text = (base64: string) => new TextDecoder().decode(decodeBase64Leniently(base64));

Deno.test("decodeBase64Leniently() equals the runtime's decoder on exact input", () => {
  const random = new Random(1);
  for (let length = 0; length < 200; length++) {
    const bytes = random.bytes(length);
    assertEquals(decodeBase64Leniently(btoa(String.fromCharCode(...bytes))), bytes);
  }
});

Deno.test("decodeBase64Leniently() takes wrapped lines, missing padding, URL-safe digits and garbage between", () => {
  assertEquals(text("aGVs\nbG8g\r\nd29ybGQ=\n"), "hello world");
  assertEquals(text("aGVsbG8gd29ybGQ"), "hello world");
  assertEquals(text("aGVs bG8*g d29=ybGQ=é"), "hello world");
  assertEquals(decodeBase64Leniently("-_8="), Uint8Array.of(0xfb, 0xff));
  assertEquals(decodeBase64Leniently("===="), new Uint8Array(0));
});

Deno.test("decodeBase64Leniently() makes something of raw bytes, as the Go library sends them", () => {
  // Its ws-message content-bin holds the content itself; the original's decoder delivers what comes out.
  assertEquals(decodeBase64Leniently("hi there").length, 5);
  assertEquals(decodeBase64Leniently("\u0000\u0001é€"), new Uint8Array(0));
});
