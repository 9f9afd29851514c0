import { assertEquals } from "@std/assert";
import { decodeBody, isEncoded } from "../../../../src/server/proxy/decoding.ts";

async function encode(text: string, ...formats: CompressionFormat[]): Promise<ReadableStream<Uint8Array>> {
  let stream: ReadableStream<Uint8Array<ArrayBuffer>> = new Blob([text]).stream();
  for (const format of formats) stream = stream.pipeThrough(new CompressionStream(format));
  return await Promise.resolve(stream);
}

const textOf = (stream: ReadableStream<Uint8Array> | undefined) =>
  new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();

Deno.test("decodeBody() undoes codings from the last to the first", async () => {
  assertEquals(await textOf(decodeBody(await encode("a", "gzip"), "gzip")), "a");
  assertEquals(await textOf(decodeBody(await encode("a", "gzip"), "X-GZIP, identity")), "a");
  assertEquals(await textOf(decodeBody(await encode("a", "deflate", "gzip"), "deflate, gzip")), "a");
  const brotli = Uint8Array.of(0x0b, 0x02, 0x80, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x03);
  assertEquals(await textOf(decodeBody(new Blob([brotli]).stream(), "br")), "hello");
});

Deno.test("decodeBody() knows what it does not know", async () => {
  const body = await encode("a");
  assertEquals(decodeBody(body, "zstd"), undefined);
  assertEquals(decodeBody(body, "gzip, aes128gcm"), undefined);
  await body.cancel();
});

Deno.test("isEncoded() takes identity and nothing for plain", () => {
  for (const plain of [undefined, "", "identity", "Identity, identity"]) {
    assertEquals(isEncoded(plain), false);
  }
  for (const coded of ["gzip", "identity, br"]) assertEquals(isEncoded(coded), true);
});
