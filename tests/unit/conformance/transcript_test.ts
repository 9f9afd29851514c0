import { assertEquals } from "@std/assert";
import { comparable, isWhole, readableSig, seenResponses } from "../../conformance/transcript.ts";
import { judge } from "../../conformance/verdict.ts";

Deno.test("seenResponses() splits pipelined responses and de-chunks bodies", () => {
  const raw =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nB: 2\r\nA: 1\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" +
    "HTTP/1.1 404 Not Found\r\nDate: now\r\nContent-Length: 2\r\n\r\nno";
  assertEquals(seenResponses(raw, false), [
    { status: 200, headers: [["a", "1"], ["b", "2"]], framing: "chunked", body: "abcde", complete: true },
    { status: 404, headers: [["content-length", "2"]], framing: "length", body: "no", complete: true },
  ]);
});

Deno.test("seenResponses() says what is cut short", () => {
  assertEquals(seenResponses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", false), [
    { status: 200, headers: [], framing: "chunked", body: "he", complete: false },
  ]);
  assertEquals(seenResponses("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", false), [
    { status: 200, headers: [["content-length", "5"]], framing: "length", body: "he", complete: false },
  ]);
});

Deno.test("seenResponses() leaves the completeness of a body that ends with the connection open", () => {
  assertEquals(seenResponses("HTTP/1.1 200 OK\r\n\r\nrest", false), [
    { status: 200, headers: [], framing: "close", body: "rest" },
  ]);
});

Deno.test("seenResponses() gives bytes that are no response as they are", () => {
  assertEquals(seenResponses("4\r\nmsg\n\r\n", false), [{ bytes: "4\r\nmsg\n\r\n" }]);
  assertEquals(seenResponses("HTTP/1.1 200 OK\r\nConte", false), [{ bytes: "HTTP/1.1 200 OK\r\nConte" }]);
});

Deno.test("seenResponses() expects no body after HEAD, 204 and 304", () => {
  const raw = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  assertEquals(seenResponses(raw, true), [
    { status: 200, headers: [["content-length", "5"]], framing: "none", body: "", complete: true },
  ]);
  assertEquals(isWhole("HTTP/1.1 204 No Content\r\n\r\n", false), true);
  assertEquals(isWhole(raw, false), false);
});

Deno.test("readableSig() shows a JWT's claims with the expiry relative to now", () => {
  const token = `x.${btoa('{"iss":"pushpin","exp":4600}').replaceAll("=", "")}.y`;
  assertEquals(readableSig(token, 1000), 'JWT {"exp": "now+60m", "iss": "pushpin"}');
  assertEquals(readableSig("opaque", 1000), "opaque");
});

const WHOLE = { status: 200, headers: [["content-length", "1"]], body: "x", complete: true } as const;

const WHOLE_CHUNKED = { ...WHOLE, framing: "chunked" } as const;

Deno.test("comparable() does not tell the framings of a complete body apart", () => {
  assertEquals(
    comparable([{ control: { ...WHOLE, framing: "length" } }]),
    comparable([{ control: { ...WHOLE, framing: "chunked", headers: [] } }]),
  );
});

Deno.test("comparable() ignores at the origin what a forwarder adds by itself, and nothing else", () => {
  assertEquals(
    comparable([{
      origin: "GET /",
      headers: [["accept", "*/*"], ["accept-encoding", "gzip"], ["grip-feature", "a, b"], [
        "user-agent",
        "Deno/2",
      ]],
      body: "",
    }]),
    [{ origin: "GET /", headers: [["accept-encoding", "gzip"], ["grip-feature", "(a list)"]], body: "" }],
  );
});

Deno.test("judge() fails an unlisted difference, a wrong one and one that is none any more", () => {
  const [recorded, other, third] = ["a", "b", "c"].map((error) => [{ error }]) as [
    [{ error: string }],
    [{ error: string }],
    [{ error: string }],
  ];
  assertEquals(judge(recorded, recorded).kind, "same");
  assertEquals(judge(recorded, other).kind, "differs");
  assertEquals(judge(recorded, other, { reason: "r", expected: [other] }).kind, "listed");
  assertEquals(judge(recorded, other, { reason: "r" }).kind, "listed");
  assertEquals(judge(recorded, third, { reason: "r", expected: [other] }).kind, "differs");
  assertEquals(judge(recorded, recorded, { reason: "r", expected: [other] }).kind, "stale");
});

Deno.test("judge() takes each outcome of a race", () => {
  const [recorded, other, third] = [[{ error: "a" }], [{ error: "b" }], [{ error: "c" }]];
  const race = { reason: "r", expected: [recorded, other] };
  assertEquals(judge(recorded, recorded, race).kind, "same");
  assertEquals(judge(recorded, other, race).kind, "listed");
  assertEquals(judge(recorded, third, race).kind, "differs");
});

Deno.test("comparable() does not tell who was first, a publisher with its answer or the origin with a request", () => {
  const [control, origin, client] = [
    { control: WHOLE_CHUNKED },
    { origin: "GET /", headers: [], body: "" },
    { client: "c", got: [], closed: false },
  ];
  assertEquals(comparable([client, origin, control]), comparable([client, control, origin]));
  assertEquals(comparable([origin, client, control])[0], origin);
});
