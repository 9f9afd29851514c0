/**
 * What an origin's response is: something to relay, untouched where that is possible, or instructions (spec 1.10). The
 * first kind is what nearly every request meets, so it costs one look at the header fields.
 */
import { describeError, PushpinError } from "../../errors.ts";
import { responseFilter } from "../../grip/filters.ts";
import type { Header, ResponseHead } from "../../grip/head.ts";
import { type Instruct, isInstructBody, parseInstruct, readInstructHead } from "../../grip/instruct.ts";
import type { Log } from "../../log.ts";
import { isBodylessStatus } from "../../grip/status.ts";
import { concat, readUpTo } from "../origin/body.ts";
import type { Answer } from "./asking.ts";
import { clientResponse, wantsNoBody } from "./client_response.ts";
import { decodeBody, isEncoded } from "./decoding.ts";
import { connectionNames, HOP_FIELDS } from "./hop_headers.ts";
import { badAnswer, badInstruct, instructTooLarge, requestTooLarge } from "./refusals.ts";

/** Spec 1.10: instructions, and bodies that are kept for a hold's end, are at most this long. */
export const MAX_INSTRUCT_BYTES = 100_000;

/** What decides about a response besides itself. */
export interface AnswerContext {
  /** False where the response is none of our business: a no_grip route, a trusted client. */
  readonly grip: boolean;
  /** False where the request could not be sent again, so nothing of it can be held. */
  readonly replayable: () => boolean;
  readonly method: string;
  /** The request's, for the log. */
  readonly id: string;
  /** For debug texts: `host:port`. */
  readonly target: string;
  readonly debug: boolean;
  readonly log: Log;
}

/** An answer and its length where that is known without reading. */
export interface ReadAnswer {
  readonly answer: Answer;
  readonly bytes: number | undefined;
  /** What a refusal is about, for the log. */
  readonly error?: string;
}

/** What one look at a response's fields finds. */
interface OriginHead {
  readonly headers: Header[];
  hopFields: boolean;
  connection: string | undefined;
  instruct: boolean;
  contentEncoding: string | undefined;
  contentLength: number | undefined;
}

/** Takes a response of an origin; its body is relayed, read or cancelled. Never throws. */
export function readAnswer(response: Response, context: AnswerContext): ReadAnswer | Promise<ReadAnswer> {
  if (response.status === 101) {
    // We asked for no upgrade; passed on, it would leave the client waiting for what never comes.
    return refuse(
      response,
      badAnswer("unexpected-upgrade", "Origin switched protocols unasked", context.debug),
    );
  }
  const head = readHead(response);
  if (context.grip && head.instruct) return readInstructAnswer(response, head, context);
  return {
    answer: { kind: "relay", response: relayed(response, head, context.method) },
    bytes: head.contentLength,
  };
}

function readHead(response: Response): OriginHead {
  const head: OriginHead = {
    headers: [],
    hopFields: false,
    connection: undefined,
    instruct: false,
    contentEncoding: undefined,
    contentLength: undefined,
  };
  response.headers.forEach((value, name) => {
    head.headers.push([name, value]);
    if (HOP_FIELDS.has(name)) {
      head.hopFields = true;
      if (name === "connection") head.connection = value;
    } else if (name.startsWith("grip-")) head.instruct = true;
    else if (name === "content-type") head.instruct ||= isInstructType(value);
    else if (name === "content-encoding") head.contentEncoding = value;
    else if (name === "content-length" && /^\d+$/.test(value)) head.contentLength = Number(value);
  });
  return head;
}

function isInstructType(value: string): boolean {
  return value.length >= 24 && isInstructBody({ code: 200, reason: "", headers: [["content-type", value]] });
}

/**
 * The response without its hop-by-hop fields. fetch's own object goes on where it has none: rebuilding costs 10 µs of
 * 80 for a small GET. Statuses over 599 cannot be built at all and keep what they have.
 */
function relayed(response: Response, head: OriginHead, method: string): Response {
  const unmeasuredHead = method === "HEAD" && head.contentLength === undefined;
  if (!head.hopFields && !unmeasuredHead || response.status > 599 || response.status < 200) return response;
  const named = head.connection === undefined ? undefined : connectionNames(head.connection);
  const headers: [string, string][] = [];
  for (const [name, value] of head.headers) {
    if (!HOP_FIELDS.has(name) && !named?.has(name)) headers.push([name, value]);
  }
  // Without a body the runtime says "content-length: 0", which GET would not have said; of a stream it says nothing.
  const body = unmeasuredHead && !isBodylessStatus(response.status) ? emptyStream() : response.body;
  return new Response(body, { status: response.status, headers });
}

function emptyStream(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ start: (controller) => controller.close() });
}

async function readInstructAnswer(
  response: Response,
  origin: OriginHead,
  context: AnswerContext,
): Promise<ReadAnswer> {
  const { debug, target } = context;
  let body: ReadableStream<Uint8Array> | null = response.body;
  if (body !== null && isEncoded(origin.contentEncoding)) {
    const plain = decodeBody(body, origin.contentEncoding);
    if (plain === undefined) {
      const why = `Cannot decode "${origin.contentEncoding}" of an instruct response from ${target}`;
      return refuse(response, badAnswer("unknown-encoding", why, debug));
    }
    body = plain;
  }
  const head: ResponseHead = {
    code: response.status,
    reason: response.statusText,
    headers: origin.headers,
  };
  try {
    const early = isInstructBody(head) ? undefined : readInstructHead(head);
    const asksForMore = early === undefined || early.hold !== undefined || early.nextLink !== undefined;
    // Asked before the body is read: what follows cannot be used. A body of instructions might ask for nothing, but
    // whoever sends one means to hold.
    if (asksForMore && !context.replayable()) return refuseBody(body, requestTooLarge());
    if (early !== undefined && mayStream(early) && !isSmall(origin)) {
      return streamed(early, body, origin, context);
    }
    // Read in one go where it may be: a reader's 64 KB of buffer would stay with the response as long as the hold does.
    const collected = body === response.body && isSmall(origin)
      ? { complete: true as const, bytes: await response.bytes() }
      : await readUpTo(body, MAX_INSTRUCT_BYTES);
    if (!collected.complete) {
      if (early === undefined || !mayStream(early)) {
        return refuseBody(collected.rest, instructTooLarge(target, debug));
      }
      return streamed(early, collected.rest, origin, context);
    }
    return whole(parseInstruct(head, collected.bytes), origin, context);
  } catch (error) {
    cancel(body);
    if (!(error instanceof PushpinError)) {
      const why = describeError(error);
      return { answer: badAnswer("bad-response", why, debug), bytes: undefined, error: why };
    }
    return { answer: badInstruct(error.message, debug), bytes: undefined, error: error.message };
  }
}

/** A long-poll keeps its body for the timeout, and a filter that renders ids must see all of it (spec 1.10). */
function mayStream({ hold, channels }: Instruct): boolean {
  return hold?.mode !== "response" && !channels.some(({ filters }) => filters.includes("build-id"));
}

/** True where reading the body whole cannot keep the client waiting for a body without an end. */
function isSmall({ contentLength }: OriginHead): boolean {
  return contentLength !== undefined && contentLength <= MAX_INSTRUCT_BYTES;
}

/** Instructions with their whole body; those that ask for nothing more are answered at once (spec 2.4). */
function whole(instruct: Instruct, origin: OriginHead, context: AnswerContext): ReadAnswer {
  const { method, log } = context;
  for (const note of instruct.notes ?? []) log.warn(note);
  if (instruct.hold !== undefined || instruct.nextLink !== undefined) {
    return { answer: { kind: "instruct", instruct }, bytes: undefined };
  }
  const filter = responseFilter(instruct.channels, instruct.meta);
  const body = filter === undefined ? instruct.body : concat([filter.push(instruct.body), filter.end()]);
  // To HEAD, the length that the origin says GET would have.
  const head = method === "HEAD" ? withLength(instruct.head, origin) : instruct.head;
  const response = clientResponse(head, method === "HEAD" ? new ReadableStream() : body, context);
  return { answer: { kind: "relay", response }, bytes: body.byteLength };
}

/** Instructions whose body goes to the client as it comes, however long it is. */
function streamed(
  instruct: Instruct,
  body: ReadableStream<Uint8Array> | null,
  origin: OriginHead,
  context: AnswerContext,
): ReadAnswer {
  for (const note of instruct.notes ?? []) context.log.warn(note);
  if (instruct.hold === undefined && instruct.nextLink === undefined) {
    // A stray Grip field is no reason to hold a large download back (the original answers 502 beyond its limit).
    const head = withLength(instruct.head, origin);
    if (wantsNoBody(head, context.method)) cancel(body);
    const stream = (body ?? new ReadableStream()) as ReadableStream<Uint8Array<ArrayBuffer>>;
    const response = clientResponse(head, stream, context);
    return { answer: { kind: "relay", response }, bytes: origin.contentLength };
  }
  return { answer: { kind: "instruct", instruct, stream: body ?? undefined }, bytes: undefined };
}

/** The length is true only where the body was not decoded. */
function withLength(head: ResponseHead, { contentLength, contentEncoding }: OriginHead): ResponseHead {
  if (contentLength === undefined || isEncoded(contentEncoding)) return head;
  return { ...head, headers: [...head.headers, ["content-length", String(contentLength)]] };
}

function refuse(response: Response, answer: Answer): ReadAnswer {
  return refuseBody(response.body, answer);
}

function refuseBody(body: ReadableStream<Uint8Array> | null, answer: Answer): ReadAnswer {
  cancel(body);
  return { answer, bytes: undefined };
}

/** Lets the origin's connection go. A body that is being read cancels with its reader, or has failed already. */
function cancel(body: ReadableStream<Uint8Array> | null): void {
  if (body !== null && !body.locked) body.cancel().catch(() => {});
}
