import { assertEquals } from "@std/assert";
import {
  forwardedFor,
  logicalAddress,
  parseForwardedForRules,
  saysTls,
} from "../../../../src/server/proxy/x_forwarded.ts";

Deno.test("parseForwardedForRules() reads truncate and append, up to a number that is none", () => {
  assertEquals(parseForwardedForRules([]), { truncate: undefined, append: false });
  assertEquals(parseForwardedForRules(["truncate:0", " append"]), { truncate: 0, append: true });
  assertEquals(parseForwardedForRules(["truncate:x", "append"]), { truncate: undefined, append: false });
});

Deno.test("forwardedFor() truncates, then appends, and joins what is left", () => {
  const keepAll = { append: false };
  assertEquals(forwardedFor("1.1.1.1,2.2.2.2", keepAll, "9.9.9.9"), "1.1.1.1, 2.2.2.2");
  assertEquals(forwardedFor(undefined, keepAll, "9.9.9.9"), undefined);
  assertEquals(
    forwardedFor("1.1.1.1, 2.2.2.2", { truncate: 1, append: true }, "9.9.9.9"),
    "2.2.2.2, 9.9.9.9",
  );
  assertEquals(forwardedFor("1.1.1.1", { truncate: 0, append: true }, "9.9.9.9"), "9.9.9.9");
  assertEquals(forwardedFor("1.1.1.1", { truncate: 0, append: true }, undefined), undefined);
  assertEquals(forwardedFor("1.1.1.1", { truncate: 0, append: false }, "9.9.9.9"), undefined);
});

Deno.test("logicalAddress() believes the first entry where it is an address and may be said", () => {
  const believe = { append: true };
  assertEquals(logicalAddress("1.1.1.1, 2.2.2.2", believe, "9.9.9.9"), "1.1.1.1");
  assertEquals(logicalAddress("2001:db8::1", believe, "9.9.9.9"), "2001:db8::1");
  for (const odd of ["unknown", "300.1.1.1", "x:y", ""]) {
    assertEquals(logicalAddress(odd, believe, "9.9.9.9"), "9.9.9.9", odd);
  }
  assertEquals(logicalAddress("1.1.1.1", { truncate: 0, append: true }, "9.9.9.9"), "9.9.9.9");
});

Deno.test("saysTls() asks X-Forwarded-Proto first, and wants exactly https or wss", () => {
  assertEquals(saysTls([["x-forwarded-proto", "https"]]), true);
  assertEquals(saysTls([["x-forwarded-protocol", "wss"]]), true);
  assertEquals(saysTls([["x-forwarded-proto", "http"], ["x-forwarded-protocol", "https"]]), false);
  assertEquals(saysTls([["x-forwarded-proto", "HTTPS"]]), false);
  assertEquals(saysTls([]), false);
});
