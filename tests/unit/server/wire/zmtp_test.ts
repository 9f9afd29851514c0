import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { PushpinError } from "../../../../src/errors.ts";
import {
  decodeCommand,
  encodeError,
  encodePing,
  encodePong,
  encodeReady,
  encodeSubscription,
} from "../../../../src/server/wire/zmtp_commands.ts";
import {
  encodeFrame,
  encodeMessage,
  FRAME_MORE,
  type ZmtpCommandFrame,
  ZmtpDecoder,
  type ZmtpLimits,
  type ZmtpMessage,
} from "../../../../src/server/wire/zmtp_frames.ts";
import { decodeGreeting, encodeGreeting } from "../../../../src/server/wire/zmtp_greeting.ts";
import { concatBytes, latin1Bytes, latin1Text } from "../../../helpers/bytes.ts";
import { Random } from "../../../helpers/random.ts";
import { withoutStacks } from "../../../helpers/without_stacks.ts";

const bytes = latin1Bytes;
const SMALL: ZmtpLimits = {
  maxFrameBytes: 1000,
  maxMessageBytes: 1500,
  maxMessageParts: 4,
  maxCommandBytes: 300,
};

type Traffic = ZmtpMessage | ZmtpCommandFrame;

/** Everything in the pieces, and the error that ended it. */
function decodeAll(
  pieces: Iterable<Uint8Array>,
  limits?: ZmtpLimits,
): { traffic: Traffic[]; error?: string } {
  const decoder = new ZmtpDecoder(limits);
  const traffic: Traffic[] = [];
  try {
    for (const piece of pieces) {
      decoder.push(piece.slice());
      for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
        // Copied: what a chunk's views hold is compared after other chunks have come.
        traffic.push(
          "command" in next ? { command: next.command.slice() } : next.map((part) => part.slice()),
        );
      }
    }
    return { traffic };
  } catch (thrown) {
    assertInstanceOf(thrown, PushpinError);
    assertEquals(thrown.code, "PUSHPIN_WIRE_INVALID");
    return { traffic, error: thrown.message };
  }
}

function* byteByByte(whole: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < whole.length; i++) yield whole.subarray(i, i + 1);
}

const commandOf = (frame: Uint8Array) => {
  const [first] = decodeAll([frame]).traffic;
  return decodeCommand((first as ZmtpCommandFrame).command);
};

Deno.test("encodeGreeting() is what RFC 23 shows, and decodeGreeting() reads it", () => {
  const greeting = encodeGreeting(1);
  assertEquals(greeting.length, 64);
  assertEquals(latin1Text(greeting.subarray(0, 16)), "\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL");
  assertEquals(decodeGreeting(greeting), { minor: 1, mechanism: "NULL", asServer: false });
  assertEquals(decodeGreeting(encodeGreeting(0))?.minor, 0);
  assertEquals(decodeGreeting(concatBytes([greeting, bytes("more")]))?.minor, 1);
  for (let i = 0; i < 64; i++) assertEquals(decodeGreeting(greeting.subarray(0, i)), undefined);
});

Deno.test("decodeGreeting() treats a later version as the newest we speak", () => {
  const later = encodeGreeting(1);
  later[10] = 4;
  later[11] = 0;
  assertEquals(decodeGreeting(later)?.minor, 1);
});

Deno.test("decodeGreeting() refuses a stranger at the first byte that gives it away", () => {
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [bytes("G"), "the first byte is 0x47"],
    [bytes("\xff\0\0\0\0\0\0\0\0\x00"), "the signature is not ZeroMQ's"],
    [bytes("\xff\0\0\0\0\0\0\0\x01\x7f\x01"), "the peer speaks ZMTP revision 1"],
  ];
  for (const [arrived, said] of cases) assertThrows(() => decodeGreeting(arrived), PushpinError, said);
  const curve = encodeGreeting(1);
  curve.set(bytes("CURVE"), 12);
  assertThrows(() => decodeGreeting(curve), PushpinError, `mechanism "CURVE"`);
  curve.set(bytes("\x1b[31m"), 12);
  assertThrows(() => decodeGreeting(curve), PushpinError, `mechanism "?[31m"`);
});

Deno.test("Commands come back as they were written", () => {
  const properties = new Map([["socket-type", bytes("DEALER")], ["identity", bytes("me")]]);
  assertEquals(commandOf(encodeReady("DEALER", bytes("me"))), { name: "READY", properties });
  assertEquals(commandOf(encodeError("no")), { name: "ERROR", reason: "no" });
  assertEquals(commandOf(encodePing(1250, bytes("ctx"))), {
    name: "PING",
    ttlMs: 1300,
    context: bytes("ctx"),
  });
  assertEquals(commandOf(encodePing(1e9)), { name: "PING", ttlMs: 6_553_500, context: bytes("") });
  assertEquals(commandOf(encodePong(bytes("ctx"))), { name: "PONG", context: bytes("ctx") });
  assertEquals(commandOf(encodeSubscription(bytes("t"), true, 1)), { name: "SUBSCRIBE", topic: bytes("t") });
  assertEquals(commandOf(encodeSubscription(bytes("t"), false, 1)), { name: "CANCEL", topic: bytes("t") });
  assertEquals(decodeAll([encodeSubscription(bytes("t"), true, 0)]).traffic, [[bytes("\x01t")]]);
  assertEquals(decodeCommand(bytes("\x03NEWdata")), { name: "unknown", called: "NEW" });
});

Deno.test("encodeReady() is what RFC 23 shows, byte for byte", () => {
  assertEquals(latin1Text(encodeReady("PUSH")), "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH");
});

Deno.test("decodeCommand() refuses what runs over its frame", () => {
  for (
    const body of [
      "",
      "\0",
      "\x05REA",
      "\x05READY\x05na",
      "\x05READY\x01n\0\0\0\x05abc",
      "\x05READY\0\0\0\0\0",
      "\x05ERROR",
      "\x05ERROR\x05no",
      "\x04PING\0",
      "\x04PING\0\0" + "c".repeat(17),
    ]
  ) {
    const error = assertThrows(() => decodeCommand(bytes(body)), PushpinError);
    assertEquals(error.code, "PUSHPIN_WIRE_INVALID");
  }
});

Deno.test("encodeMessage() uses long frames from 256 bytes on", () => {
  assertEquals(latin1Text(encodeMessage([bytes("a"), bytes("")])), "\x01\x01a\x00\x00");
  assertEquals(encodeMessage([new Uint8Array(255)]).subarray(0, 2), bytes("\x00\xff"));
  assertEquals(encodeMessage([new Uint8Array(256)]).subarray(0, 9), bytes("\x02\0\0\0\0\0\0\x01\0"));
});

Deno.test("ZmtpDecoder reads a short message in a long frame", () => {
  assertEquals(decodeAll([bytes("\x02\0\0\0\0\0\0\0\x03abc")]).traffic, [[bytes("abc")]]);
});

Deno.test("ZmtpDecoder lets a command through between the parts of a message", () => {
  const wire = concatBytes([encodeFrame(bytes("a"), FRAME_MORE), encodePing(0), encodeFrame(bytes("b"), 0)]);
  const { traffic } = decodeAll([wire]);
  assertEquals(traffic.length, 2);
  assertEquals(traffic[1], [bytes("a"), bytes("b")]);
});

Deno.test("ZmtpDecoder refuses what is over a limit when its head is there, before its body", () => {
  const refusals: readonly (readonly [Uint8Array, string])[] = [
    [bytes("\x02\0\0\0\0\0\0\x03\xe9"), "a frame of 1001 bytes, over the limit of 1000"],
    [bytes("\x02\x7f\xff\xff\xff\xff\xff\xff\xff"), "over the limit of 1000"],
    [bytes("\x02\x80\0\0\0\0\0\0\0"), "a frame size with its top bit set"],
    [
      concatBytes([encodeFrame(new Uint8Array(900), FRAME_MORE), bytes("\x02\0\0\0\0\0\0\x03\x00")]),
      "a message of 1668 bytes or more",
    ],
    [
      concatBytes([1, 2, 3, 4, 5].map(() => encodeFrame(bytes("x"), FRAME_MORE))),
      "a message of over 4 parts",
    ],
    [bytes("\x06\0\0\0\0\0\0\x01\x2d"), "a command of 301 bytes, over the limit of 300"],
    [bytes("\x05\x01"), "a command frame says that more follows"],
    [bytes("\x08\x01"), "reserved flag bits are set: 0x08"],
  ];
  for (const [wire, said] of refusals) {
    assertEquals(decodeAll([wire], SMALL).error?.includes(said), true, decodeAll([wire], SMALL).error);
    assertEquals(decodeAll(byteByByte(wire), SMALL).error, decodeAll([wire], SMALL).error);
  }
});

Deno.test("ZmtpDecoder may be left in the middle of a chunk and given the next", () => {
  const decoder = new ZmtpDecoder();
  const wire = concatBytes([
    encodeMessage([bytes("one")]),
    encodeMessage([bytes("two")]),
    encodeMessage([bytes("three")]),
  ]);
  decoder.push(wire.slice(0, 12));
  assertEquals(decoder.next(), [bytes("one")]);
  assertEquals(decoder.idle, false);
  decoder.push(wire.slice(12));
  assertEquals([decoder.next(), decoder.next(), decoder.next()], [
    [bytes("two")],
    [bytes("three")],
    undefined,
  ]);
  assertEquals(decoder.idle, true);
});

function randomTraffic(random: Random): Uint8Array {
  return concatBytes(Array.from({ length: random.int(1, 6) }, () => {
    if (random.chance(0.2)) {
      return random.pick([encodePing(random.int(5000)), encodeReady("PUSH", random.bytes(random.int(1, 9)))]);
    }
    return encodeMessage(
      Array.from(
        { length: random.int(1, 4) },
        () => random.bytes(random.chance(0.2) ? random.int(250, 300) : random.int(12)),
      ),
    );
  }));
}

Deno.test("ZmtpDecoder reads the same whole, in pieces and byte by byte", () => {
  const random = new Random(53);
  for (let i = 0; i < 1_000; i++) {
    const wire = randomTraffic(random);
    const whole = decodeAll([wire]);
    assertEquals(whole.error, undefined);
    assertEquals(decodeAll(random.pieces(wire, 64)), whole);
    if (i % 10 === 0) assertEquals(decodeAll(byteByByte(wire)), whole);
  }
});

Deno.test("ZmtpDecoder and decodeCommand() give values or their own error for 100 000 mutated and random inputs", () => {
  using _quick = withoutStacks();
  const random = new Random(54);
  for (let i = 0; i < 100_000; i++) {
    let wire: Uint8Array;
    if (i % 4 === 0) wire = random.bytes(random.int(40));
    else {
      wire = i % 4 === 1
        ? encodeReady("DEALER", random.bytes(3))
        : encodeMessage([random.bytes(random.int(9)), random.bytes(3)]);
      for (let m = random.int(3); m >= 0; m--) wire[random.int(wire.length)] = random.int(256);
    }
    // decodeAll lets nothing but our own error pass.
    for (const next of decodeAll(random.pieces(wire, 20), SMALL).traffic) {
      if (!("command" in next)) continue;
      try {
        decodeCommand(next.command);
      } catch (thrown) {
        assertInstanceOf(thrown, PushpinError, `seed ${random.seed}`);
      }
    }
  }
});

Deno.test("decodeGreeting() gives a value, a wait or its own error for 20 000 mutated greetings", () => {
  const random = new Random(55);
  for (let i = 0; i < 20_000; i++) {
    const greeting = encodeGreeting(random.chance(0.5) ? 1 : 0);
    greeting[random.int(64)] = random.int(256);
    try {
      decodeGreeting(greeting.subarray(0, random.int(65)));
    } catch (thrown) {
      assertInstanceOf(thrown, PushpinError, `seed ${random.seed}`);
    }
  }
});
