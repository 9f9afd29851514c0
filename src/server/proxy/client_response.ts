/** Heads and bodies as the runtime's Response, which refuses much and ends the process on some of it. */
import type { ResponseHead } from "../../grip/head.ts";
import { safeHeaders } from "../../grip/headers.ts";
import { clientStatus, isBodylessStatus } from "../../grip/status.ts";
import type { Log } from "../../log.ts";

export interface ResponseContext {
  readonly method: string;
  readonly log: Log;
  /** The connection's id, for the log, where it has one. */
  readonly id?: string;
}

/** True where the client gets no body, whatever there is. */
export function wantsNoBody(head: ResponseHead, method: string): boolean {
  return method === "HEAD" || isBodylessStatus(clientStatus(head.code).code);
}

/** A response with what may be sent of it; what may not is logged by name. */
export function clientResponse(
  head: ResponseHead,
  body: Uint8Array | ReadableStream<Uint8Array<ArrayBuffer>>,
  context: ResponseContext,
): Response {
  const { log, id, method } = context;
  const status = clientStatus(head.code, head.reason);
  if (status.note !== undefined) log.warn(status.note, { connection: id });
  const { kept, dropped } = safeHeaders(head.headers);
  for (const name of dropped) log.warn("header field dropped", { connection: id, name, reason: "unsafe" });
  const headers = kept.map(([name, value]): [string, string] => [name, value]);
  const init = { status: status.code, headers };
  if (!wantsNoBody(head, method)) return new Response(body as BodyInit, init);
  // What GET would have said of the body's length; the runtime says 0 otherwise.
  if (method === "HEAD" && body instanceof Uint8Array && !isBodylessStatus(status.code)) {
    headers.push(["Content-Length", String(body.length)]);
  }
  return new Response(null, init);
}
