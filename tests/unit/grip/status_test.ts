import { assertEquals } from "@std/assert";
import { clientStatus, isBodylessStatus, reasonFor } from "../../../src/grip/status.ts";

Deno.test("reasonFor() names known codes and calls the others Undefined Reason", () => {
  assertEquals([200, 404, 502, 299, 999, 0].map(reasonFor), [
    "OK",
    "Not Found",
    "Bad Gateway",
    "Undefined Reason",
    "Undefined Reason",
    "Undefined Reason",
  ]);
});

Deno.test("clientStatus() never gives a code that Response refuses", () => {
  for (let code = -1; code <= 1000; code++) {
    const status = clientStatus(code);
    const body = isBodylessStatus(status.code) ? null : "x";
    assertEquals(new Response(body, { status: status.code }).status, status.code);
    assertEquals(status.note !== undefined, status.code !== code);
  }
});

Deno.test("clientStatus() turns a code that is no final status into 502 and says so", () => {
  assertEquals(clientStatus(150, "Odd"), {
    code: 502,
    reason: "Bad Gateway",
    note: "Status 150 cannot be sent: sent as 502, use a code from 200 to 599",
  });
  assertEquals(clientStatus(299, "Mine"), { code: 299, reason: "Mine" });
});
