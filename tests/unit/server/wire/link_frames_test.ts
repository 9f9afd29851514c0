import { assertEquals, assertThrows } from "@std/assert";
import { PushpinError } from "../../../../src/errors.ts";
import {
  encodeFrame,
  FRAME_KINDS,
  FrameDecoder,
  type Json,
  type LinkFrame,
} from "../../../../src/server/wire/link_frames.ts";
import { Random } from "../../../helpers/random.ts";

function randomFrame(random: Random): LinkFrame {
  const heads: readonly Json[] = [
    null,
    0,
    "ü\u{1f600}",
    [],
    { a: [1, { b: "" }] },
    "x".repeat(random.int(300)),
  ];
  return {
    kind: random.pick(FRAME_KINDS),
    head: random.pick(heads),
    segments: Array.from({ length: random.int(4) }, () => random.bytes(random.int(200))),
  };
}

function encodeAll(frames: readonly LinkFrame[]): Uint8Array {
  const parts = frames.map((frame) => encodeFrame(frame.kind, frame.head, frame.segments));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

Deno.test("FrameDecoder.push() gives the same frames whole, byte by byte and in random pieces", () => {
  const random = new Random(1);
  for (let round = 0; round < 100; round++) {
    const frames = Array.from({ length: random.int(6) }, () => randomFrame(random));
    const bytes = encodeAll(frames);
    assertEquals(new FrameDecoder().push(bytes), frames);
    const byByte = new FrameDecoder();
    assertEquals([...bytes].flatMap((byte) => byByte.push(new Uint8Array([byte]))), frames);
    assertEquals(byByte.pending, 0);
    const byPiece = new FrameDecoder();
    assertEquals([...random.pieces(bytes, 100)].flatMap((piece) => byPiece.push(piece)), frames);
  }
});

Deno.test("FrameDecoder.push() throws nothing but its own error on 10 000 random inputs", () => {
  const random = new Random(2);
  for (let round = 0; round < 10_000; round++) {
    const bytes = random.chance(0.5) ? random.bytes(random.int(60)) : encodeAll([randomFrame(random)]);
    // A small announced length gets beyond the length check more often than chance would.
    if (random.chance(0.7) && bytes.length > 8) {
      bytes.set([0, 0, 0, random.int(60), random.int(6), 0, 0, 0], 0);
    } else if (bytes.length > 0) bytes[random.int(bytes.length)] = random.int(256);
    const decoder = new FrameDecoder(100_000);
    try {
      for (const piece of random.pieces(bytes, 20)) decoder.push(piece);
    } catch (error) {
      if (!(error instanceof PushpinError) || error.code !== "PUSHPIN_WIRE_INVALID") throw error;
    }
  }
});

Deno.test("FrameDecoder.push() refuses a length over its limit before the bytes come, and encodeFrame() as well", () => {
  const decoder = new FrameDecoder(1000);
  assertThrows(
    () => decoder.push(new Uint8Array([0, 0, 4, 0])),
    PushpinError,
    "Cannot carry link frame: 1024 bytes are more than the limit of 1000",
  );
  assertThrows(
    () => encodeFrame("message", "x".repeat(2000), [], 1000),
    PushpinError,
    "more than the limit of 1000",
  );
});

Deno.test("FrameDecoder.allowLongFrames() lifts the limit for what comes next", () => {
  const decoder = new FrameDecoder(100);
  decoder.push(encodeFrame("hello", "short"));
  decoder.allowLongFrames();
  const long = { kind: "message", head: null, segments: [new Uint8Array(3_000_000).fill(7)] } as const;
  const frames = [...new Random(3).pieces(encodeAll([long, long]), 100_000)].flatMap((piece) =>
    decoder.push(piece)
  );
  assertEquals(frames.map((frame) => [frame.kind, frame.segments[0]?.length]), [["message", 3_000_000], [
    "message",
    3_000_000,
  ]]);
});

Deno.test("FrameDecoder.push() gives segments that the next chunk does not change", () => {
  const decoder = new FrameDecoder();
  const [first] = decoder.push(encodeFrame("message", null, [new Uint8Array([1, 2, 3])]));
  decoder.push(encodeFrame("message", null, [new Uint8Array([9, 9, 9])]));
  assertEquals(first?.segments[0], new Uint8Array([1, 2, 3]));
});
