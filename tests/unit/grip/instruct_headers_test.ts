import { assertEquals, assertThrows } from "@std/assert";
import { PushpinError } from "../../../src/errors.ts";
import type { Header, ResponseHead } from "../../../src/grip/head.ts";
import { isInstruct, parseInstruct, readInstructHead } from "../../../src/grip/instruct.ts";
import { decodeCString } from "../../../src/grip/instruct_headers.ts";

const BODY = new TextEncoder().encode("body");

function head(headers: readonly Header[], code = 200): ResponseHead {
  return { code, reason: "", headers };
}

function parse(...headers: readonly Header[]) {
  return parseInstruct(head(headers), BODY);
}

function refused(...headers: readonly Header[]): string {
  const error = assertThrows(() => parse(...headers), PushpinError);
  assertEquals(error.code, "PUSHPIN_INSTRUCT_INVALID");
  return error.message;
}

Deno.test("isInstruct() is true for any Grip header and for the content type", () => {
  assertEquals(isInstruct(head([["X", "y"]])), false);
  assertEquals(isInstruct(head([["GRIP-anything", ""]])), true);
  assertEquals(isInstruct(head([["content-type", "Application/Grip-Instruct ; charset=utf-8"]])), true);
  assertEquals(isInstruct(head([["content-type", "application/grip-instructions"]])), false);
});

Deno.test("parseInstruct() without a hold gives the stripped response", () => {
  assertEquals(
    parseInstruct(
      {
        code: 404,
        reason: "Nope",
        headers: [["Grip-Channel", "a"], ["X", "y"], ["Content-Length", "4"]],
      },
      BODY,
    ),
    {
      channels: [{ name: "a", filters: [] }],
      meta: new Map(),
      head: { code: 404, reason: "Nope", headers: [["X", "y"]] },
      body: BODY,
    },
  );
});

Deno.test("parseInstruct() reads Grip-Hold and refuses any other value", () => {
  assertEquals(parse(["grip-hold", "response"]).hold, { mode: "response", timeoutSeconds: 55 });
  assertEquals(parse(["Grip-Hold", " stream "]).hold, { mode: "stream" });
  assertEquals(
    refused(["Grip-Hold", "none"]),
    `Cannot read the origin's instruct: Grip-Hold is "none": use "response", "stream" or no such field`,
  );
});

Deno.test("parseInstruct() reads channels with prev-id and filters from lists and repeated fields", () => {
  assertEquals(
    parse(
      ["Grip-Channel", "a; prev-id=1; filter=skip-self; filter=build-id, b"],
      ["grip-channel", '"c,d"; Prev-Id="x;y"; Filter=ignored'],
      ["Grip-Channel", ""],
    ).channels,
    [
      { name: "a", prevId: "1", filters: ["skip-self", "build-id"] },
      { name: "b", filters: [] },
      { name: "c,d", prevId: "x;y", filters: [] },
    ],
  );
});

Deno.test("parseInstruct() takes a channel named twice once, as named last", () => {
  assertEquals(parse(["Grip-Channel", "a; prev-id=1, b, a; prev-id=2"]).channels, [
    { name: "a", prevId: "2", filters: [] },
    { name: "b", filters: [] },
  ]);
});

Deno.test("parseInstruct() reads header bytes as UTF-8, so that channels of headers and items are the same", () => {
  assertEquals(parse(["Grip-Channel", "caf\u00c3\u00a9"]).channels[0]!.name, "café");
  assertEquals(parse(["Grip-Channel", "caf\u00e9"]).channels[0]!.name, "café"); // not UTF-8: as it is
});

Deno.test("parseInstruct() takes five filters of a channel and refuses six", () => {
  const filters = (n: number) => "a" + "; filter=x".repeat(n);
  assertEquals(parse(["Grip-Channel", filters(5)]).channels[0]!.filters.length, 5);
  assertEquals(
    refused(["Grip-Channel", filters(6)]),
    `Cannot read the origin's instruct: channel "a" has 6 filters: use 5 at most`,
  );
});

Deno.test("parseInstruct() reads Grip-Timeout with its floor of 5", () => {
  const timeout = (value: string) => parse(["Grip-Hold", "response"], ["Grip-Timeout", value]).hold;
  assertEquals(timeout("60"), { mode: "response", timeoutSeconds: 60 });
  assertEquals(timeout("0"), { mode: "response", timeoutSeconds: 5 });
  for (const bad of ["-1", "x", "", "1.5", "99999999999"]) {
    assertEquals(
      refused(["Grip-Timeout", bad]),
      `Cannot read the origin's instruct: failed to parse Grip-Timeout ${
        JSON.stringify(bad)
      }: use a whole number of seconds`,
    );
  }
});

function keepAlive(value: string) {
  const { hold } = parse(["Grip-Hold", "stream"], ["Grip-Keep-Alive", value]);
  if (hold?.mode !== "stream" || hold.keepAlive === undefined) return undefined;
  return { ...hold.keepAlive, data: String.fromCharCode(...hold.keepAlive.data) };
}

Deno.test("parseInstruct() reads Grip-Keep-Alive in its three formats and two modes", () => {
  assertEquals(keepAlive("ping"), { data: "ping", timeoutSeconds: 55, mode: "idle" });
  assertEquals(keepAlive("a\\nb; format=cstring; timeout=20; mode=interval"), {
    data: "a\nb",
    timeoutSeconds: 20,
    mode: "interval",
  });
  assertEquals(keepAlive("AAH/; Format=base64; Timeout=0"), {
    data: "\x00\x01\xff",
    timeoutSeconds: 1,
    mode: "idle",
  });
  assertEquals(keepAlive('{"a":1, "b":2}\\n; format=cstring')?.data, '{"a":1, "b":2}\n');
  assertEquals(
    keepAlive("event: keep-alive\\ndata:\\n\\n; format=cstring; timeout=20")?.data,
    "event: keep-alive\ndata:\n\n",
  );
});

Deno.test("parseInstruct() drops a keep-alive whose quote does not end", () => {
  assertEquals(keepAlive('a; mode="idle'), undefined);
});

Deno.test("parseInstruct() refuses a keep-alive without data or with unknown words", () => {
  refused(["Grip-Keep-Alive", ""]);
  refused(["Grip-Keep-Alive", "; timeout=5"]);
  refused(["Grip-Keep-Alive", "a; format=hex"]);
  refused(["Grip-Keep-Alive", "a; mode=often"]);
  refused(["Grip-Keep-Alive", "a; timeout=soon"]);
  refused(["Grip-Keep-Alive", "a\\xZZ; format=cstring"]);
  refused(["Grip-Keep-Alive", "a\\; format=cstring"]);
});

Deno.test("decodeCString() knows four escapes, swallows the others, refuses what is cut short", () => {
  const decoded = (text: string) => String.fromCharCode(...decodeCString(text));
  assertEquals(decoded("a\\\\b\\r\\n\\x41\\xff\\q."), "a\\b\r\nA\xff.");
  assertEquals(decoded("\\\\n"), "\\n");
  for (const bad of ["\\", "a\\x4", "\\x", "\\xg0"]) assertThrows(() => decodeCString(bad), PushpinError);
});

Deno.test("parseInstruct() reads Grip-Set-Meta", () => {
  assertEquals(
    parse(["Grip-Set-Meta", 'user=alice, note="a, b; c"'], ["grip-set-meta", "empty=, user=bob, bare"]).meta,
    new Map([["user", "bob"], ["note", "a, b; c"], ["empty", ""], ["bare", ""]]),
  );
});

Deno.test("parseInstruct() reads next and gone links, relative or not, with commas in them", () => {
  const instruct = parse([
    "Grip-Link",
    "</next?a=1,2>; rel=next; timeout=30, <http://x.test/gone>; rel=gone, </ignored>, </o>; rel=other",
  ]);
  assertEquals(instruct.nextLink, { uri: "/next?a=1,2", timeoutSeconds: 30 });
  assertEquals(instruct.goneLink, "http://x.test/gone");
  assertEquals(parse(["Grip-Link", '<?x>; REL="next"']).nextLink, { uri: "?x", timeoutSeconds: 120 });
  assertEquals(parse(["Grip-Link", "<x>; rel=next; timeout=0"]).nextLink?.timeoutSeconds, 0);
});

Deno.test("parseInstruct() refuses a malformed link", () => {
  refused(["Grip-Link", "/x; rel=next"]);
  refused(["Grip-Link", "</x; rel=next"]);
  refused(["Grip-Link", "<>; rel=next"]);
  refused(["Grip-Link", "<http://[>; rel=next"]);
  refused(["Grip-Link", "</x>; rel=next; timeout=x"]);
});

Deno.test("parseInstruct() applies Grip-Status, with the phrase of the code where none is given", () => {
  const status = (value: string) => {
    const { code, reason } = parse(["Grip-Status", value]).head;
    return [code, reason];
  };
  assertEquals(status("404"), [404, "Not Found"]);
  assertEquals(status("299 All Good "), [299, "All Good"]);
  for (const bad of ["x", "", "1000", "20x", "-1"]) refused(["Grip-Status", bad]);
});

Deno.test("parseInstruct() turns a Grip-Status that cannot be sent into 502 with a note", () => {
  const instruct = parse(["Grip-Status", "600"]);
  assertEquals([instruct.head.code, instruct.head.reason], [502, "Bad Gateway"]);
  assertEquals(instruct.notes, ["Status 600 cannot be sent: sent as 502, use a code from 200 to 599"]);
});

Deno.test("parseInstruct() leaves out the body of a status that has none, with a note", () => {
  const instruct = parse(["Grip-Status", "204"]);
  assertEquals(instruct.body.length, 0);
  assertEquals(instruct.notes, ["Status 204 has no body: its body of 4 bytes is left out"]);
});

Deno.test("parseInstruct() keeps only what Grip-Expose-Headers lists", () => {
  const instruct = parse(["Grip-Expose-Headers", "X-A, content-type"], ["x-a", "1"], ["X-B", "2"], [
    "Content-Type",
    "a/b",
  ]);
  assertEquals(instruct.exposeHeaders, ["x-a", "content-type"]);
  assertEquals(instruct.head.headers, [["x-a", "1"], ["Content-Type", "a/b"]]);
});

Deno.test("parseInstruct() ignores Grip-Last and sessions in a response", () => {
  assertEquals(
    parse(["Grip-Last", "a; last-id=1"], ["Grip-Session-Id", "x"], ["Grip-Session-Detect", "true"]),
    {
      channels: [],
      meta: new Map(),
      head: { code: 200, reason: "", headers: [] },
      body: BODY,
    },
  );
});

Deno.test("readInstructHead() reads the same from the head alone and refuses a body of instructions", () => {
  const headers: Header[] = [["Grip-Hold", "stream"], ["Grip-Channel", "a"], ["X", "y"]];
  assertEquals(readInstructHead(head(headers)), { ...parse(...headers), body: new Uint8Array(0) });
  assertThrows(
    () => readInstructHead(head([["Content-Type", "application/grip-instruct"]])),
    PushpinError,
    "use headers where the body is streamed",
  );
});
