import { assertEquals } from "@std/assert";
import { scrubEnvironment } from "../../../../src/server/edge/guards.ts";

Deno.test("scrubEnvironment() takes out what would redirect listeners and origin requests", () => {
  const before = scrubEnvironment();
  Deno.env.set("HTTP_PROXY", "http://127.0.0.1:1");
  Deno.env.set("DENO_SERVE_ADDRESS", "tcp:127.0.0.1:1");
  Deno.env.set("PUSHPIN_TEST_KEPT", "1");
  assertEquals([...scrubEnvironment()].sort(), ["DENO_SERVE_ADDRESS", "HTTP_PROXY"]);
  assertEquals(scrubEnvironment(), []);
  assertEquals(Deno.env.get("PUSHPIN_TEST_KEPT"), "1");
  Deno.env.delete("PUSHPIN_TEST_KEPT");
  assertEquals(before.filter((name) => Deno.env.has(name)), []);
});
