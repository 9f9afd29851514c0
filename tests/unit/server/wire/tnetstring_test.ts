import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { PushpinError } from "../../../../src/errors.ts";
import {
  decodeTnetstring,
  encodeTnetstring,
  TNET_MAX_DEPTH,
  type TnetValue,
  type TnetWritable,
} from "../../../../src/server/wire/tnetstring.ts";
import { latin1Bytes, latin1Text } from "../../../helpers/bytes.ts";
import { Random } from "../../../helpers/random.ts";
import { withoutStacks } from "../../../helpers/without_stacks.ts";

const decode = (text: string) => decodeTnetstring(latin1Bytes(text));
const encode = (value: TnetWritable) => latin1Text(encodeTnetstring(value));
const bytes = (text: string) => latin1Bytes(text);

const PAIRS: readonly (readonly [string, TnetWritable, TnetValue])[] = [
  ["0:~", null, null],
  ["4:true!", true, true],
  ["5:false!", false, false],
  ["1:0#", 0, 0],
  ["1:0#", -0, 0],
  ["2:-7#", -7, -7],
  ["16:9007199254740991#", Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ["3:1.5^", 1.5, 1.5],
  // Beyond what is a safe integer a number is a double, and written as one.
  ["16:9007199254740992^", 2 ** 53, 2 ** 53],
  ["5:1e+24^", 1e24, 1e24],
  ["5:1e-20^", 1e-20, 1e-20],
  ["0:,", "", bytes("")],
  ["5:h\xc3\xa4ll,", "häll", bytes("h\xc3\xa4ll")],
  ["3:\x00\xff:,", bytes("\x00\xff:"), bytes("\x00\xff:")],
  ["0:]", [], []],
  ["0:}", {}, {}],
];

Deno.test("encodeTnetstring() and decodeTnetstring() agree with the format's examples", () => {
  for (const [text, value, read] of PAIRS) {
    assertEquals(encode(value), text);
    assertEquals(decode(text), read);
  }
});

Deno.test("encodeTnetstring() writes the specification's example item, byte for byte", () => {
  const item = { channel: "c", formats: { "http-stream": { content: "hi\n" } } };
  const wire = "63:7:channel,1:c,7:formats,35:11:http-stream,16:7:content,3:hi\n,}}}";
  assertEquals(encode(item), wire);
  assertEquals(decode(wire), { channel: bytes("c"), formats: { "http-stream": { content: bytes("hi\n") } } });
});

Deno.test("encodeTnetstring() leaves undefined members out and keeps the others' order", () => {
  assertEquals(encode({ b: 1, gone: undefined, a: [true, "x"] }), "27:1:b,1:1#1:a,11:4:true!1:x,]}");
});

Deno.test("decodeTnetstring() reads what other encoders write: leading zeros, signs, exponents, a repeated key", () => {
  assertEquals(decode("001:5#"), 5);
  assertEquals(decode("2:+5#"), 5);
  assertEquals(decode("4:1e+3^"), 1000);
  assertEquals(decode("2:5.^"), 5);
  assertEquals(decode("16:1:a,1:1#1:a,1:2#}"), { a: 2 });
});

Deno.test("decodeTnetstring() gives records without a prototype, so that no key is special", () => {
  const read = decode("22:9:__proto__,7:1:x,0:~}}") as Record<string, unknown>;
  assertEquals(Object.getPrototypeOf(read), null);
  assertEquals(Object.keys(read), ["__proto__"]);
});

Deno.test("decodeTnetstring() refuses what is no tnetstring, and says where", () => {
  const refusals: Readonly<Record<string, string>> = {
    "": "at byte 0: no length of at most 9 digits and",
    ":": "at byte 0: no length",
    "x:,": "at byte 0: no length",
    "1234567890:,": "at byte 0: no length",
    "5:abc,": "at byte 0: a value of 5 bytes with 3 left to hold it",
    "3:abc": "at byte 0: a value of 3 bytes with 2 left to hold it",
    "3:abc,x": "at byte 6: 1 bytes after the value",
    "3:abc?": "at byte 5: an unknown type byte 0x3f",
    "1:x~": "at byte 0: a null with a payload",
    "4:True!": `at byte 0: a boolean that is neither "true" nor "false"`,
    "0:#": "at byte 2: an integer that is no decimal number",
    "3:1.5#": "at byte 2: an integer that is no decimal number",
    "16:9007199254740992#": "outside ±(2^53 - 1)",
    "3:inf^": "at byte 2: a float that is no decimal number",
    "5:1e999^": "at byte 2: a float beyond what a double can hold",
    "6:9:abc,]": "at byte 2: a value of 9 bytes with 3 left to hold it",
    "4:1:a,}": `at byte 6: a dict whose last key "a" has no value`,
    "8:1:1#1:a,}": "at byte 2: a dict key that is not a byte string",
    "8:1:\xff,1:a,}": "at byte 2: a dict key that is not UTF-8",
  };
  for (const [wire, said] of Object.entries(refusals)) {
    const error = assertThrows(() => decode(wire), PushpinError);
    assertEquals(
      [wire, error.code, error.message.includes(said)],
      [wire, "PUSHPIN_WIRE_INVALID", true],
      error.message,
    );
  }
});

Deno.test("encodeTnetstring() refuses what has no form", () => {
  for (const value of [NaN, Infinity, 1n, Symbol("x"), () => {}]) {
    const error = assertThrows(() => encodeTnetstring(value as unknown as TnetWritable), PushpinError);
    assertEquals(error.code, "PUSHPIN_WIRE_INVALID");
  }
});

Deno.test("Both directions stop at the depth limit, a cycle included", () => {
  let wire = "0:~";
  for (let i = 0; i < TNET_MAX_DEPTH; i++) wire = `${wire.length}:${wire}]`;
  const deep = decode(wire);
  assertEquals(encode(deep), wire);
  assertThrows(() => decode(`${wire.length}:${wire}]`), PushpinError, "64 levels");
  assertThrows(() => encodeTnetstring([deep]), PushpinError, "64 levels");
  const cycle: TnetWritable[] = [];
  cycle.push(cycle);
  assertThrows(() => encodeTnetstring(cycle), PushpinError, "64 levels");
});

function randomValue(random: Random, depth: number): TnetWritable {
  switch (random.int(depth > 0 ? 8 : 6)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.int(-1_000_000, 1_000_000);
    case 3:
      return random.next() * 10 ** random.int(-30, 30);
    case 4:
      return random.bytes(random.int(20));
    case 5:
      return random.text(random.int(400));
    case 6:
      return Array.from({ length: random.int(5) }, () => randomValue(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from(
          { length: random.int(5) },
          () => [random.text(random.int(40)), randomValue(random, depth - 1)],
        ),
      );
  }
}

/** What comes back of a written value: texts as bytes. */
function asRead(value: TnetWritable): TnetWritable {
  if (typeof value === "string") return new TextEncoder().encode(value);
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(asRead);
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, asRead(member as TnetWritable)]),
  );
}

Deno.test("decodeTnetstring(encodeTnetstring(x)) is x", () => {
  const random = new Random(51);
  for (let i = 0; i < 2_000; i++) {
    const value = randomValue(random, 4);
    assertEquals(decodeTnetstring(encodeTnetstring(value)) as unknown, asRead(value));
  }
});

Deno.test("decodeTnetstring() gives a value or its own error for 100 000 mutated and random inputs", () => {
  const random = new Random(52);
  using _quick = withoutStacks();
  const alphabet = [...bytes("0123456789:,#^!~]}truefals-+.eE\x00\xff")];
  let values = 0;
  for (let i = 0; i < 100_000; i++) {
    let input: Uint8Array;
    if (i % 4 === 0) input = Uint8Array.from({ length: random.int(24) }, () => random.pick(alphabet));
    else {
      input = encodeTnetstring(randomValue(random, 2)).slice(0, 200);
      for (let m = random.int(3); m >= 0 && input.length > 0; m--) {
        input[random.int(input.length)] = random.pick(alphabet);
      }
    }
    try {
      decodeTnetstring(input);
      values++;
    } catch (thrown) {
      assertInstanceOf(thrown, PushpinError, `seed ${random.seed}, input ${latin1Text(input)}`);
    }
  }
  assertEquals(values > 1_000, true, `${values} values`);
});
