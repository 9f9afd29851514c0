import { assert, assertEquals } from "@std/assert";
import { concatBytes } from "../../helpers/bytes.ts";
import { Random } from "../../helpers/random.ts";

Deno.test("Random gives the same sequence for the same seed", () => {
  const [a, b] = [new Random(7), new Random(7)];
  assertEquals(Array.from({ length: 20 }, () => a.int(1000)), Array.from({ length: 20 }, () => b.int(1000)));
});

Deno.test("Random.int() stays within its bounds", () => {
  const random = new Random(1);
  for (let i = 0; i < 1000; i++) {
    const n = random.int(3, 9);
    assert(n >= 3 && n < 9, String(n));
  }
});

Deno.test("Random.pieces() cuts bytes without losing any", () => {
  const random = new Random(2);
  const bytes = random.bytes(1000);
  assertEquals(concatBytes([...random.pieces(bytes)]), bytes);
});
