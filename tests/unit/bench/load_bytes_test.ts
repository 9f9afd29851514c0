import { assertEquals } from "@std/assert";
import { AnswerReader, countMarks, headEnd, joined, statusOf } from "../../../bench/load/bytes.ts";
import { MARK, message } from "../../../bench/load/dialect.ts";
import { decodeText, encodeText } from "../../../bench/text.ts";

/** Room behind the data, with what an earlier read may have left there. */
function readInto(text: string): [Uint8Array, number] {
  const buffer = new Uint8Array(65_536).fill(MARK.charCodeAt(0));
  const bytes = encodeText(text);
  buffer.set(bytes);
  return [buffer, bytes.length];
}

Deno.test("countMarks() counts between its bounds in small and large reads, whatever lies behind", () => {
  for (const bytes of [1, 64, 255, 256, 4096]) {
    for (const times of [1, 3, 15]) {
      const text = `data: ${message(bytes)}\n\n`.repeat(times);
      const [buffer, length] = readInto(text);
      assertEquals(countMarks(buffer, 0, length), times, `${times} of ${bytes} bytes`);
      assertEquals(
        countMarks(buffer, bytes + 6, length),
        times - 1,
        `${times} of ${bytes} bytes, without the first`,
      );
    }
  }
});

Deno.test("countMarks() counts in a buffer that is full to its last byte", () => {
  const bytes = encodeText(message(512).repeat(128));
  assertEquals(countMarks(bytes, 0, bytes.length), 128);
  assertEquals(countMarks(encodeText("x".repeat(1024)), 0, 1024), 0);
});

Deno.test("headEnd() finds the end of a head in whatever pieces it comes", () => {
  const head = "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n";
  const whole = encodeText(`${head}body`);
  for (let cut = 1; cut < whole.length; cut++) {
    const [first, length] = readInto(decodeText(whole.subarray(0, cut)));
    const end = cut < head.length ? -1 : head.length;
    assertEquals(headEnd(first, length), end, `the first ${cut} bytes`);
    const both = joined(joined(undefined, first, length), whole.subarray(cut), whole.length - cut);
    assertEquals([headEnd(both, both.length), statusOf(both)], [head.length, 200]);
  }
});

Deno.test("AnswerReader.push() gives an answer with its last byte, in whatever pieces it comes", () => {
  const answers: readonly [text: string, status: number, close: boolean][] = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, false],
    ["HTTP/1.1 202 Accepted\r\ncontent-length:0\r\n\r\n", 202, false],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, false],
    ["HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbad", 400, true],
  ];
  for (const [text, status, close] of answers) {
    for (let cut = 1; cut < text.length; cut++) {
      const reader = new AnswerReader();
      assertEquals(reader.push(...readInto(text.slice(0, cut))), undefined, text.slice(0, cut));
      assertEquals(reader.push(...readInto(text.slice(cut))), { status, close });
    }
  }
});

Deno.test("AnswerReader.push() reads the status of every answer that is as long as the one before", () => {
  const reader = new AnswerReader();
  const statuses = [200, 200, 503, 200].map((status) =>
    reader.push(...readInto(`HTTP/1.1 ${status} Whatever\r\nContent-Length: 2\r\n\r\nok`))?.status
  );
  assertEquals(statuses, [200, 200, 503, 200]);
});

Deno.test("AnswerReader.restart() forgets what a lost connection left", () => {
  const reader = new AnswerReader();
  assertEquals(reader.push(...readInto("HTTP/1.1 200 OK\r\nContent-Le")), undefined);
  reader.restart();
  const answer = reader.push(...readInto("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  assertEquals(answer, { status: 200, close: false });
});
