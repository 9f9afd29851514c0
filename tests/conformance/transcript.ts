/**
 * What went over the wire in one case, in values that can be compared: messages taken apart, volatile fields masked.
 * The masking is that of the recordings, so that both sides of a comparison went through the same mill.
 */
import type { RawHeader } from "../helpers/http_message.ts";
import { parseMessageHead } from "../helpers/http_message.ts";
import type { RecordedRequest } from "../helpers/origin_script.ts";

/** Name in lower case and value. */
export type Pair = readonly [string, string];

/** A response as a client or a publisher saw it; `bytes` where it was none. */
export type SeenResponse = { readonly bytes: string } | {
  readonly status: number;
  readonly headers: readonly Pair[];
  readonly framing: string;
  readonly body: string;
  /** Absent where only the end of the connection could tell. */
  readonly complete?: boolean;
};

/** One thing that happened, in the order in which it happened. */
export type Event =
  | { readonly origin: string; readonly headers: readonly Pair[]; readonly body: string }
  | { readonly client: string; readonly got: readonly SeenResponse[]; readonly closed: boolean }
  | { readonly control: SeenResponse }
  | { readonly error: string };

export type Transcript = readonly Event[];

/** Fields of a response that differ from run to run. */
const VOLATILE = new Set(["date", "server", "keep-alive"]);

/** Fields that only say how the message was framed. */
const FRAMING = new Set(["transfer-encoding", "connection"]);

function byNameThenValue(a: Pair, b: Pair): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1;
  return a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0;
}

/** A request as the origin recorded it: names in lower case, sorted; Grip-Sig as its claims. */
export function originEvent(request: RecordedRequest, nowSeconds: number): Event {
  const headers = request.headers.map(([name, value]): Pair => {
    const low = name.toLowerCase();
    if (low === "grip-sig") return [low, readableSig(value, nowSeconds)];
    return [low, low === "connection-id" ? "(random)" : value];
  });
  return {
    origin: `${request.method} ${request.target}`,
    headers: headers.sort(byNameThenValue),
    body: request.text,
  };
}

/** `JWT {claims}` with the expiry as minutes from now; what is no JWT stays as it is. */
export function readableSig(value: string, nowSeconds: number): string {
  let claims: unknown;
  try {
    const part = value.split(".")[1] ?? "";
    claims = JSON.parse(atob(part.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return value; // not a JWT: shown as it came
  }
  if (typeof claims !== "object" || claims === null) return value;
  const shown = Object.entries(claims).map(([name, claim]): Pair => {
    const masked = name === "exp" && typeof claim === "number"
      ? `now+${Math.round((claim - nowSeconds) / 60)}m`
      : claim;
    return [name, JSON.stringify(masked)];
  });
  return `JWT {${shown.sort(byNameThenValue).map(([name, claim]) => `"${name}": ${claim}`).join(", ")}}`;
}

/**
 * Splits what a connection brought into responses; bodies are de-chunked, volatile fields left out. The last one may
 * be incomplete. `headOnly`: the answers have no body, whatever their fields say.
 */
export function seenResponses(raw: string, headOnly: boolean): readonly SeenResponse[] {
  const out: SeenResponse[] = [];
  for (let rest = raw; rest !== "";) {
    const end = rest.indexOf("\r\n\r\n");
    if (!rest.startsWith("HTTP/") || end < 0) {
      out.push({ bytes: rest });
      break;
    }
    const head = parseMessageHead(rest.slice(0, end + 4));
    const status = Number(head.line.split(" ")[1]);
    const after = rest.slice(end + 4);
    const body = splitBody(after, head.headers, headOnly || status === 204 || status === 304 || status < 200);
    const headers = head.headers.map(([name, value]): Pair => [name.toLowerCase(), value])
      .filter(([name]) => !VOLATILE.has(name) && !FRAMING.has(name)).sort(byNameThenValue);
    out.push({
      status,
      headers,
      framing: body.framing,
      body: body.body,
      ...(body.complete !== undefined && { complete: body.complete }),
    });
    rest = body.rest;
  }
  return out;
}

interface SplitBody {
  readonly framing: string;
  readonly body: string;
  readonly complete?: boolean;
  readonly rest: string;
}

function splitBody(text: string, headers: readonly RawHeader[], bodyless: boolean): SplitBody {
  const field = (name: string) => headers.findLast(([n]) => n.toLowerCase() === name)?.[1];
  if (bodyless) return { framing: "none", body: "", complete: true, rest: text };
  if ((field("transfer-encoding") ?? "").toLowerCase().includes("chunked")) return splitChunks(text);
  const length = field("content-length");
  if (length === undefined) return { framing: "close", body: text, rest: "" };
  const n = Number(length);
  return { framing: "length", body: text.slice(0, n), complete: text.length >= n, rest: text.slice(n) };
}

function splitChunks(text: string): SplitBody {
  let body = "";
  for (let rest = text; rest !== "";) {
    const size = /^([0-9a-fA-F]+)[^\r]*\r\n/.exec(rest);
    if (!size) break;
    const length = parseInt(size[1]!, 16);
    const data = rest.slice(size[0].length, size[0].length + length);
    rest = rest.slice(size[0].length + length + 2);
    if (length === 0) return { framing: "chunked", body, complete: true, rest };
    body += data;
  }
  return { framing: "chunked", body, complete: false, rest: "" };
}

/** True once one whole response is there. */
export function isWhole(raw: string, headOnly: boolean): boolean {
  const first = seenResponses(raw, headOnly)[0];
  return first !== undefined && "complete" in first && first.complete === true;
}

/** The forwarder of the original before 2.0 asks for these by itself. */
const ZURL_ENCODINGS = "deflate, gzip, br, zstd";

/** What a forwarder cannot leave out (fetch's, and the old original's), and what means the same as nothing. */
function isForwardersOwn([name, value]: Pair): boolean {
  if (name === "user-agent") return value === "" || /^(pushpin|Deno)\//.test(value);
  return (name === "accept" && value === "*/*") || (name === "accept-language" && value === "*") ||
    (name === "accept-encoding" && (value === "identity" || value === ZURL_ENCODINGS));
}

/**
 * Leaves out what says nothing about a proxy: how a complete body was framed, what a forwarder adds, the list of
 * features, and whether a publisher had its answer before or after the origin was asked.
 */
export function comparable(events: Transcript): Transcript {
  return answersFirst(events).map((event): Event => {
    if ("origin" in event) {
      const headers = event.headers.filter((h) => !isForwardersOwn(h))
        .map((h): Pair => h[0] === "grip-feature" ? ["grip-feature", "(a list)"] : h);
      return { ...event, headers };
    }
    if ("got" in event) return { ...event, got: event.got.map(comparableResponse) };
    if ("control" in event) return { control: comparableResponse(event.control) };
    return event;
  });
}

/** In each run of requests and answers to publishers, which wait for different peers, the answers come first. */
function answersFirst(events: Transcript): Transcript {
  const out: Event[] = [];
  for (const event of events) {
    let at = out.length;
    if ("control" in event) { while (at > 0 && "origin" in out[at - 1]!) at--; }
    out.splice(at, 0, event);
  }
  return out;
}

function comparableResponse(response: SeenResponse): SeenResponse {
  if ("bytes" in response || response.complete !== true) return response;
  if (response.framing !== "length" && response.framing !== "chunked") return response;
  return {
    ...response,
    framing: "whole",
    headers: response.headers.filter(([name]) => name !== "content-length"),
  };
}
