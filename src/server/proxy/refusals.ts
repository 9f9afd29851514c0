/**
 * Our own error answers (spec 1.11): what the client reads, what an operator who debugs reads instead, and the reason
 * that the log and the metrics carry. Every one has a reason; there is no unexplained 5xx.
 */
import { utf8 } from "../../grip/text.ts";
import { reasonFor } from "../../grip/status.ts";
import type { OriginFailure } from "../origin/origin_failure.ts";
import type { Answer } from "./asking.ts";

/** A refusal with what the log says about it beyond the reason. */
export type Refusal = Extract<Answer, { readonly kind: "refuse" }>;

/** Where the words come from: `debug` of the settings or of the route shows the explanation to the client. */
interface Wording {
  readonly code: number;
  readonly reason: string;
  readonly text: string;
  /** Instead of `text` where debug is on. */
  readonly debugText?: string;
}

const ORIGIN_ERROR = "Error while proxying to origin.";

function refusal({ code, reason, text, debugText }: Wording, debug = false): Refusal {
  const body = utf8(`${debug ? debugText ?? text : text}\n`);
  return {
    kind: "refuse",
    head: { code, reason: reasonFor(code), headers: [["Content-Type", "text/plain"]] },
    body,
    reason,
  };
}

/** Names what had no route; the path without its query, which may hold secrets. */
export function noRoute(host: string, path: string): Refusal {
  const [shown] = path.split("?");
  return refusal({ code: 502, reason: "no-route", text: `No route for host: ${host} path: ${shown}` });
}

/** No target could be asked, or the one that was gave no answer. `tried` is `host:port` of each. */
export function originSilent(failure: OriginFailure, tried: readonly string[], debug: boolean): Refusal {
  const { reason } = failure;
  if (reason === "bad-request") {
    return refusal(
      { code: 400, reason, text: "Request cannot be forwarded.", debugText: failure.message },
      debug,
    );
  }
  const debugText = reason === "policy"
    ? "Error: Origin host/IP blocked."
    : failure.beforeSending
    ? `Unable to connect to any targets. Tried: ${tried.join(", ")}`
    : failure.message;
  return refusal({ code: 502, reason, text: ORIGIN_ERROR, debugText }, debug);
}

/** The origin's answer cannot be passed on. */
export function badAnswer(reason: string, debugText: string, debug: boolean): Refusal {
  return refusal({ code: 502, reason, text: ORIGIN_ERROR, debugText }, debug);
}

export function badInstruct(why: string, debug: boolean): Refusal {
  return badAnswer("bad-instruct", `Failed to parse accept instructions: ${why}`, debug);
}

export function instructTooLarge(target: string, debug: boolean): Refusal {
  return badAnswer("instruct-too-large", `GRIP instruct response too large from ${target}`, debug);
}

/** A hold may have to ask again, and this request cannot be repeated (spec 1.8). */
export function requestTooLarge(): Refusal {
  return refusal({
    code: 400,
    reason: "request-too-large",
    text: "Request too large to accept GRIP instruct.",
  });
}

/** fetch can send neither TRACE nor CONNECT, and a GRIP origin has no use for them. */
export function methodUnsupported(method: string): Refusal {
  return refusal({ code: 501, reason: "method-unsupported", text: `Method ${method} is not supported.` });
}

/** A rewritten path that leads above the one its route stands for. */
export function pathEscapes(): Refusal {
  return refusal({ code: 400, reason: "path-escapes-route", text: "Path not allowed." });
}

/** The client's body stopped before its end. */
export function requestCut(): Refusal {
  return refusal({ code: 400, reason: "request-cut", text: "Request body ended too early." });
}

export function signingFailed(why: string, debug: boolean): Refusal {
  return badAnswer("sig-key", `Failed to sign the request: ${why}`, debug);
}

export function websocketUnsupported(): Refusal {
  return refusal({
    code: 501,
    reason: "websocket-unsupported",
    text: "WebSocket connections are not served yet.",
  });
}

/** Our own defect, seen where a request can still be answered. */
export function internalError(): Refusal {
  return refusal({ code: 500, reason: "internal-error", text: "Failed to process request." });
}
