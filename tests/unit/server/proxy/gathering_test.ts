import { assertEquals, assertStrictEquals } from "@std/assert";
import { Gathered, Gathering } from "../../../../src/server/proxy/gathering.ts";
import { ClientStream } from "../../../../src/server/proxy/client_stream.ts";
import { nextTurn } from "../../../../src/server/link/turn.ts";
import { Random } from "../../../helpers/random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (text: string) => encoder.encode(text);

function streamOf(gathering: Gathering, maxQueuedBytes = 1 << 20): ClientStream {
  return new ClientStream({ gathering, maxQueuedBytes, onCancel: () => {} });
}

/** Chunks of a stream that has been closed. */
async function chunksOf(stream: ClientStream): Promise<readonly string[]> {
  const chunks = [];
  for await (const chunk of stream.readable) chunks.push(decoder.decode(chunk));
  return chunks;
}

Deno.test("ClientStream sends the first write of a turn at once and all others of the turn together", async () => {
  const stream = streamOf(new Gathering());
  for (const text of ["a", "b", "c"]) stream.write(bytes(text));
  assertEquals(stream.queuedBytes, 3);
  await nextTurn();
  stream.write(bytes("d"));
  stream.write(bytes("e"));
  stream.close();
  assertEquals(await chunksOf(stream), ["a", "bc", "d", "e"]);
});

Deno.test("ClientStream joins what many clients get in one turn once for all of them", async () => {
  const gathering = new Gathering();
  const streams = [streamOf(gathering), streamOf(gathering)];
  for (const text of ["a", "b", "c"].map(bytes)) for (const stream of streams) stream.write(text);
  await nextTurn();
  const [one, other] = await Promise.all(streams.map(async (stream) => {
    const reader = stream.readable.getReader();
    await reader.read();
    const { value } = await reader.read();
    await reader.cancel();
    return value;
  }));
  assertEquals(decoder.decode(one), "bc");
  assertStrictEquals(one, other);
});

Deno.test("ClientStream counts what it gathers, and refuses at its bound", async () => {
  const stream = streamOf(new Gathering(), 10);
  assertEquals(["12345", "67890", "x"].map((text) => stream.write(bytes(text))), [true, true, false]);
  stream.close();
  assertEquals(await chunksOf(stream), ["12345", "67890"]);
});

Deno.test("ClientStream leaves large writes as they are, in their place", async () => {
  const gathering = new Gathering();
  const stream = streamOf(gathering);
  const large = new Uint8Array(100_000).fill(76);
  for (const part of [bytes("a"), bytes("b"), large, bytes("c"), bytes("d")]) stream.write(part);
  stream.close();
  const chunks = [];
  for await (const chunk of stream.readable) chunks.push(chunk);
  assertEquals(chunks.map(({ length }) => length), [1, 1, 100_000, 2]);
  assertStrictEquals(chunks[2], large);
});

Deno.test("ClientStream that is cut sends nothing more, and one whose client left gathers nothing", async () => {
  const gathering = new Gathering();
  const cut = streamOf(gathering);
  const left = streamOf(gathering);
  for (const stream of [cut, left]) for (const text of ["a", "b"]) stream.write(bytes(text));
  cut.cut("slow-client");
  await left.readable.cancel();
  await nextTurn();
  assertEquals([left.write(bytes("c")), left.queuedBytes], [true, 0]);
  assertEquals(await cut.readable.getReader().read().catch((error) => error.message), "slow-client");
});

Deno.test("Gathered gives each stream its own bytes in order, whatever the others got (1 000 mixed turns)", () => {
  const random = new Random(20261122);
  const items = Array.from({ length: 8 }, (_, i) => bytes(`<${i}>`));
  for (let round = 0; round < 1_000; round++) {
    const root = new Gathered(new Uint8Array(0));
    const streams = Array.from({ length: 5 }, () => ({ at: root, text: "" }));
    for (const item of items) {
      for (const stream of streams) {
        if (random.chance(1 / 3)) continue;
        stream.at = stream.at.then(item);
        stream.text += decoder.decode(item);
      }
    }
    for (const { at, text } of streams) {
      assertEquals([decoder.decode(at.joined), at.length], [text, text.length]);
    }
  }
});
