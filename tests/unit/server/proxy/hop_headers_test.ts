import { assertEquals } from "@std/assert";
import { connectionNames, namedByConnection } from "../../../../src/server/proxy/hop_headers.ts";

Deno.test("connectionNames() gives the names that the fixed list lacks, in lower case", () => {
  assertEquals(connectionNames("keep-alive"), undefined);
  assertEquals(connectionNames("Keep-Alive, Upgrade, close, "), undefined);
  assertEquals([...connectionNames("X-A , te,x-b") ?? []], ["x-a", "x-b"]);
});

Deno.test("namedByConnection() finds the message's own field", () => {
  assertEquals(namedByConnection([["a", "1"]]), undefined);
  assertEquals([...namedByConnection([["connection", "X-A"]]) ?? []], ["x-a"]);
});
