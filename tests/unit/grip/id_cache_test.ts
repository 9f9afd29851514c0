import { assertEquals } from "@std/assert";
import { IdCache } from "../../../src/grip/id_cache.ts";

Deno.test("IdCache.seen() knows an id for its ttl, by channel, and repeats do not prolong it", () => {
  const ids = new IdCache({ ttlMs: 60_000 });
  assertEquals(ids.seen("c", "1", 0), false);
  assertEquals(ids.seen("c", "1", 59_999), true);
  assertEquals(ids.seen("d", "1", 59_999), false);
  assertEquals(ids.seen("c", "1", 60_000), false);
});

Deno.test("IdCache.seen() keeps channel and id apart whatever they contain", () => {
  const ids = new IdCache({ ttlMs: 60_000 });
  ids.seen("ab", "c", 0);
  assertEquals([ids.seen("a", "bc", 0), ids.seen("1:a", "bc", 0)], [false, false]);
});

Deno.test("IdCache.seen() forgets what has expired and never holds more than maxIds", () => {
  const ids = new IdCache({ ttlMs: 1000, maxIds: 3 });
  for (let i = 0; i < 10; i++) ids.seen("c", String(i), 0);
  assertEquals([ids.size, ids.seen("c", "9", 1), ids.seen("c", "0", 1)], [3, true, false]);
  ids.seen("c", "new", 5000);
  assertEquals(ids.size, 1);
});

Deno.test("IdCache.seen() remembers nothing where the ttl is 0", () => {
  const ids = new IdCache({ ttlMs: 0 });
  assertEquals([ids.seen("c", "1", 0), ids.seen("c", "1", 0), ids.size], [false, false, 0]);
});
