import { assertEquals } from "@std/assert";
import { readUpTo } from "../../../../src/server/origin/body.ts";

const streamOf = (...parts: readonly string[]) =>
  ReadableStream.from(parts.map((part) => new TextEncoder().encode(part)));

Deno.test("readUpTo() gives a small body whole", async () => {
  const read = await readUpTo(streamOf("ab", "", "cd"), 4);
  assertEquals(read, { complete: true, bytes: new TextEncoder().encode("abcd") });
  assertEquals(await readUpTo(null, 4), { complete: true, bytes: new Uint8Array(0) });
});

Deno.test("readUpTo() gives a large body as a stream of all of it", async () => {
  const read = await readUpTo(streamOf("ab", "cd", "ef", "gh"), 3);
  assertEquals(read.complete, false);
  if (read.complete) return;
  const text = await new Response(read.rest as ReadableStream<Uint8Array<ArrayBuffer>>).text();
  assertEquals(text, "abcdefgh");
});

Deno.test("readUpTo() passes a cancel on to the sender", async () => {
  let cancelled = "";
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(10)),
    cancel: (reason) => {
      cancelled = String(reason);
    },
  });
  const read = await readUpTo(body, 15);
  if (!read.complete) await read.rest.cancel("enough");
  assertEquals(cancelled, "enough");
});
