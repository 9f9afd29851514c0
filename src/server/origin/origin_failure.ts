/**
 * Why an origin gave no answer, read out of what fetch throws. fetch has no error codes: its cause's text names the
 * phase ("client error (Connect)", "client error (SendRequest)"), as found in Deno 2.9.6 and pinned by a test.
 */
import { describeError, PushpinError } from "../../errors.ts";

/** The log field `reason` and the metric label of every 5xx that an origin's silence makes. */
export type OriginFailureReason =
  | "dns"
  | "connect"
  | "tls"
  | "timeout"
  | "blocked-port"
  | "policy"
  | "reset-before-headers"
  | "bad-response"
  | "bad-request"
  | "aborted"
  | "failed";

/** An origin that did not answer. */
export class OriginFailure extends PushpinError {
  readonly reason: OriginFailureReason;
  /** True where nothing of the request can have reached the origin: another target may be asked instead. */
  readonly beforeSending: boolean;

  constructor(
    reason: OriginFailureReason,
    message: string,
    options: { readonly beforeSending: boolean; readonly cause?: unknown },
  ) {
    super("PUSHPIN_ORIGIN_FAILED", message, { cause: options.cause });
    this.name = "OriginFailure";
    this.reason = reason;
    this.beforeSending = options.beforeSending;
  }
}

/** What fetch's rejection means. `where` is the target as the message shows it. */
export function originFailure(thrown: unknown, where: string): OriginFailure {
  if (thrown instanceof OriginFailure) return thrown;
  const text = describeError(thrown);
  const { reason, beforeSending } = classify(thrown, text);
  return new OriginFailure(reason, `Cannot get an answer from ${where}: ${text}`, {
    beforeSending,
    cause: thrown,
  });
}

function classify(thrown: unknown, text: string): { reason: OriginFailureReason; beforeSending: boolean } {
  if (thrown instanceof DOMException && thrown.name === "AbortError") {
    return { reason: "aborted", beforeSending: false };
  }
  // The client's body stopped: fetch has no other body to read before there is a response.
  if (/Cannot read request body|body stream|reading a body/i.test(text)) {
    return { reason: "aborted", beforeSending: false };
  }
  if (/Requests to port \d+ are blocked/.test(text)) return { reason: "blocked-port", beforeSending: true };
  if (text.includes("client error (Connect)")) return { reason: connectReason(text), beforeSending: true };
  if (text.includes("client error (SendRequest)")) {
    return { reason: exchangeReason(text), beforeSending: false };
  }
  // What fetch refuses before it opens a connection: a field or method it cannot write, an address it cannot parse.
  if (thrown instanceof TypeError && thrown.cause === undefined) {
    return { reason: "bad-request", beforeSending: false };
  }
  return { reason: "failed", beforeSending: false };
}

function connectReason(text: string): OriginFailureReason {
  if (text.includes("dns error")) return "dns";
  if (/timed out/i.test(text)) return "timeout";
  if (/\btls\b|certificate|handshake/i.test(text)) return "tls";
  return "connect";
}

function exchangeReason(text: string): OriginFailureReason {
  if (/parsed|too large|invalid|unexpected message/i.test(text)) return "bad-response";
  return "reset-before-headers";
}
