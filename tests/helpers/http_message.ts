/** HTTP/1.1 messages read off a raw socket, keeping what parsers usually hide: case, order, framing, chunk borders. */
import { concatBytes, latin1Text } from "./bytes.ts";
import type { WireReader } from "./wire_reader.ts";

/** Name and value as sent; the value without the blanks around it. */
export type RawHeader = readonly [name: string, value: string];

/** A start line and its fields. */
export interface MessageHead {
  /** Without CR LF. */
  readonly line: string;
  readonly headers: readonly RawHeader[];
  /** The bytes as they came, with the empty line, one character a byte. */
  readonly raw: string;
}

/** How the end of a body is told: `close` = by the end of the connection. */
export type Framing = "none" | "length" | "chunked" | "close";

export interface RawBody {
  readonly framing: Framing;
  readonly body: Uint8Array;
  /** Where chunked: each chunk by itself. */
  readonly chunks: readonly Uint8Array[];
}

/** A whole response. */
export interface RawResponse extends MessageHead, RawBody {
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  /** The body, one character a byte. */
  readonly text: string;
}

export function parseMessageHead(raw: string): MessageHead {
  const lines = raw.split("\r\n");
  const headers: RawHeader[] = [];
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    if (colon >= 0) headers.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return { line: lines[0] ?? "", headers, raw };
}

/** The field's value, several joined with ", "; undefined where there is none. Names in any case. */
export function headerOf(head: { readonly headers: readonly RawHeader[] }, name: string): string | undefined {
  const values = headersOf(head, name);
  return values.length > 0 ? values.join(", ") : undefined;
}

/** Every value of the field, in order. */
export function headersOf(head: { readonly headers: readonly RawHeader[] }, name: string): readonly string[] {
  const low = name.toLowerCase();
  return head.headers.filter(([n]) => n.toLowerCase() === low).map(([, value]) => value);
}

/** `HTTP/1.1 200 OK` in its three parts. */
export function parseStatusLine(line: string): { version: string; status: number; reason: string } {
  const match = /^(HTTP\/\d\.\d) (\d{3})(?: (.*))?$/.exec(line);
  if (!match) throw new Error(`Not a status line: ${JSON.stringify(line)}`);
  return { version: match[1]!, status: Number(match[2]), reason: match[3] ?? "" };
}

export async function readHead(reader: WireReader, deadlineMs?: number): Promise<MessageHead> {
  return parseMessageHead(latin1Text(await reader.takeUntil("\r\n\r\n", deadlineMs)));
}

/** The body of a request, or of a response unless it has none (`bodyless`: answer to HEAD, 1xx, 204, 304). */
export async function readBody(
  reader: WireReader,
  head: MessageHead,
  options: {
    readonly kind: "request" | "response";
    readonly bodyless?: boolean;
    readonly deadlineMs?: number;
  },
): Promise<RawBody> {
  const { deadlineMs } = options;
  if (options.bodyless === true) return { framing: "none", body: new Uint8Array(), chunks: [] };
  if ((headerOf(head, "transfer-encoding") ?? "").toLowerCase().includes("chunked")) {
    const chunks: Uint8Array[] = [];
    for (
      let chunk = await readChunk(reader, deadlineMs);
      chunk;
      chunk = await readChunk(reader, deadlineMs)
    ) {
      chunks.push(chunk);
    }
    return { framing: "chunked", body: concatBytes(chunks), chunks };
  }
  const length = headerOf(head, "content-length");
  if (length !== undefined) {
    const body = await reader.take(Number(length), `a body of ${length} bytes`, deadlineMs);
    return { framing: "length", body, chunks: [] };
  }
  if (options.kind === "request") return { framing: "none", body: new Uint8Array(), chunks: [] };
  return { framing: "close", body: (await reader.takeAll(deadlineMs)).bytes, chunks: [] };
}

/** The next chunk of a chunked body; undefined for the last one, whose trailer is taken as well. */
export async function readChunk(reader: WireReader, deadlineMs?: number): Promise<Uint8Array | undefined> {
  const size = latin1Text(await reader.takeUntil("\r\n", deadlineMs)).trim();
  if (!/^[0-9a-fA-F]+/.test(size)) throw new Error(`Not a chunk size: ${JSON.stringify(size)}`);
  const length = parseInt(size, 16);
  if (length === 0) {
    while ((await reader.takeUntil("\r\n", deadlineMs)).length > 2);
    return undefined;
  }
  const data = await reader.take(length, `a chunk of ${length} bytes`, deadlineMs);
  await reader.take(2, "the end of a chunk", deadlineMs);
  return data;
}

/** A whole response. `method` HEAD says that none of its bytes are a body. Interim (1xx) responses are returned like others. */
export async function readResponse(
  reader: WireReader,
  options: { readonly method?: string; readonly deadlineMs?: number } = {},
): Promise<RawResponse> {
  const head = await readHead(reader, options.deadlineMs);
  const status = parseStatusLine(head.line);
  const bodyless = options.method === "HEAD" || status.status < 200 || status.status === 204 ||
    status.status === 304;
  const body = await readBody(reader, head, { kind: "response", bodyless, deadlineMs: options.deadlineMs });
  return { ...head, ...status, ...body, text: latin1Text(body.body) };
}
