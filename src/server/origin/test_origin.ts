/**
 * The origin behind `* test` (spec 6.9, and more to try): a newcomer sees proxying, holding and publishing without a
 * backend. It answers as any origin does, with instructions in its responses; the proxy treats it like any other.
 */
import { type ServerSentEventMessage, ServerSentEventStream } from "@std/http/server-sent-event-stream";
import type { Header } from "../../grip/head.ts";
import { utf8 } from "../../grip/text.ts";

/** What the test origin sees of a request. */
export interface TestRequest {
  readonly method: string;
  /** With its query; path_beg is cut off already. */
  readonly path: string;
  readonly headers: readonly Header[];
  /** Undefined where it was too large to be read. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

const GREETING = `This is the built-in test origin: the proxy works.

Try, with the same host and port:
  /response   waits for a message (long-poll); "nothing for now" after 55 seconds
  /stream     a stream: every message as it comes
  /sse        the same as server-sent events, for EventSource
  /echo       says what an origin sees of the request, or sends its body back

Then publish, in another terminal:
  pushpin publish test "hello there"

They listen on channel "test"; "?channel=NAME" chooses another and may be repeated.
`;

/** Answers a request as an origin would, GRIP instructions and all. */
export async function answerTest(request: TestRequest): Promise<Response> {
  const { body } = request;
  if (body === undefined) return text(400, "request body too large: at most 100000 bytes\n");
  const query = request.path.indexOf("?");
  const path = query === -1 ? request.path : request.path.slice(0, query);
  const asked = new URLSearchParams(query === -1 ? "" : request.path.slice(query + 1)).getAll("channel");
  const channels = asked.length > 0 ? asked : ["test"];
  switch (path) {
    case "/":
      return text(200, GREETING);
    case "/response":
      return instruct({ mode: "response", channels, type: "text/plain", body: "nothing for now\n" });
    case "/stream":
      return instruct({ mode: "stream", channels, type: "text/plain", body: "[stream opened]\n" });
    case "/sse":
      return instruct({
        mode: "stream",
        channels,
        type: "text/event-stream",
        body: await eventText({ event: "stream-open", data: "" }),
        keepAlive: { content: await eventText({ event: "keep-alive", data: "" }), timeout: 20 },
      });
    case "/echo":
      return echo(request, body);
    default:
      return text(404, "no such test resource\n");
  }
}

function text(status: number, content: string): Response {
  return new Response(utf8(content) as Uint8Array<ArrayBuffer>, {
    status,
    headers: { "content-type": "text/plain" },
  });
}

interface TestHold {
  readonly mode: "response" | "stream";
  readonly channels: readonly string[];
  readonly type: string;
  readonly body: string;
  readonly keepAlive?: { readonly content: string; readonly timeout: number };
}

/** JSON instructions: a channel of any name fits, where a header could not hold it. */
function instruct({ mode, channels, type, body, keepAlive }: TestHold): Response {
  const instructions = {
    hold: { mode, channels: channels.map((name) => ({ name })), "keep-alive": keepAlive },
    response: { headers: [["Content-Type", type]], body },
  };
  return new Response(JSON.stringify(instructions), {
    headers: { "content-type": "application/grip-instruct" },
  });
}

async function eventText(message: ServerSentEventMessage): Promise<string> {
  const encoded = ReadableStream.from([message]).pipeThrough(new ServerSentEventStream());
  return await new Response(encoded).text();
}

function echo(request: TestRequest, body: Uint8Array<ArrayBuffer>): Response {
  if (body.length === 0) {
    const fields = request.headers.map(([name, value]) => `${name}: ${value}\n`).join("");
    return text(200, `${request.method} ${request.path}\n${fields}`);
  }
  const type = request.headers.find(([name]) => name === "content-type")?.[1];
  return new Response(body, { headers: { "content-type": type ?? "application/octet-stream" } });
}
