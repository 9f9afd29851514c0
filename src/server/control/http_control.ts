/**
 * The HTTP control API on its own listener (spec 3.4). Unlike the original's it keeps connections alive: a publisher
 * that sends thousands of items need not connect for each.
 */
import { describeError, PushpinError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Ingest, Outcome } from "./ingest.ts";
import {
  type ControlLimits,
  type ControlReply,
  type ControlTask,
  done,
  readControlHead,
  readItems,
  refusal,
} from "./control_request.ts";

export interface HttpControlOptions {
  readonly ingest: Ingest;
  readonly log: Log;
  readonly limits?: Partial<ControlLimits>;
}

/** Bodies in memory at the same time; a request beyond them waits for its turn (the original: 128 connections). */
const MAX_BODIES = 128;

/** Answers control requests; give it to a listener. Never rejects. */
export function createHttpControl(options: HttpControlOptions): (request: Request) => Promise<Response> {
  const limits: ControlLimits = {
    maxHeaderBytes: options.limits?.maxHeaderBytes ?? 10_000,
    maxBodyBytes: options.limits?.maxBodyBytes ?? 1_000_000,
  };
  const turns = new Turns(MAX_BODIES);
  return async (request) => {
    let reply: ControlReply;
    try {
      const task = readControlHead(headOf(request), limits);
      if (task.kind === "reply") {
        await request.body?.cancel();
        reply = task.reply;
      } else {
        await turns.take();
        try {
          reply = await carryOut(task, request, options.ingest, limits);
        } finally {
          turns.give();
        }
      }
    } catch (thrown) {
      options.log.error("control request failed", { reason: describeError(thrown) });
      reply = refusal(500, "Failed to process request.");
    }
    return toResponse(reply, request.method);
  };
}

async function carryOut(
  task: Exclude<ControlTask, { kind: "reply" }>,
  request: Request,
  ingest: Ingest,
  limits: ControlLimits,
): Promise<ControlReply> {
  let body: Uint8Array;
  try {
    body = await request.bytes();
  } catch (thrown) {
    // The publisher left in the middle of its body; there is nobody to tell.
    return refusal(400, `Failed to read request body: ${describeError(thrown)}`);
  }
  if (body.length > limits.maxBodyBytes) return refusal(400, "Request body too large.");
  if (task.kind === "recover") {
    ingest.recover();
    return done("Updated", task.json);
  }
  let items;
  try {
    items = readItems(decoder.decode(body));
  } catch (thrown) {
    if (thrown instanceof PushpinError) return refusal(400, thrown.message);
    throw thrown;
  }
  const outcomes = await ingest.ingest(items);
  return task.report ? await report(outcomes) : done("Published", task.json);
}

/** What became of each item, for publishers that ask with `Prefer: return=representation`. */
async function report(outcomes: readonly Outcome[]): Promise<ControlReply> {
  const items = await Promise.all(outcomes.map(async (outcome) => {
    const receipt = await outcome.receipt;
    return {
      channel: outcome.channel,
      id: outcome.id,
      status: outcome.status,
      reason: outcome.reason,
      matched: receipt.matched,
      receivers: {
        "http-response": receipt.matchedByMode.response,
        "http-stream": receipt.matchedByMode.stream,
        "ws-message": receipt.matchedByMode.ws,
      },
      dropped: receipt.dropped,
    };
  }));
  return {
    status: 200,
    type: "application/json",
    body: JSON.stringify({ message: "Published", items }) + "\n",
  };
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

function headOf(request: Request) {
  const { url, headers, method } = request;
  let headBytes = method.length + url.length;
  // forEach, as the Headers iterator costs several times as much.
  headers.forEach((value, name) => headBytes += name.length + value.length + 4);
  const pathAt = url.indexOf("/", url.indexOf("://") + 3);
  return {
    method,
    path: pathAt < 0 ? "/" : url.slice(pathAt),
    accept: headers.get("accept"),
    contentLength: headers.get("content-length"),
    transferEncoding: headers.get("transfer-encoding"),
    prefer: headers.get("prefer"),
    headBytes,
  };
}

function toResponse(reply: ControlReply, method: string): Response {
  const headers: Record<string, string> = { "content-type": reply.type };
  if (reply.allow !== undefined) headers.allow = reply.allow;
  const body = encoder.encode(reply.body);
  if (method === "HEAD") headers["content-length"] = String(body.length);
  return new Response(method === "HEAD" ? null : body, { status: reply.status, headers });
}

/** At most so many at once; the others wait in line. */
class Turns {
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  take(): Promise<void> | void {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    return new Promise((resolve) => this.#line.push(resolve));
  }

  give(): void {
    const next = this.#line.shift();
    if (next !== undefined) next();
    else this.#free++;
  }
}
