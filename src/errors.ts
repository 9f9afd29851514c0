/**
 * The one error class a user may see the message of, and the way errors are worded:
 * what was tried, colon, what is, what would do. Capital first, quotes round values, no full stop.
 */

/** What an error is about; the log field `code` and what tests compare. */
export type ErrorCode =
  | "PUSHPIN_CONFIG_INVALID"
  | "PUSHPIN_ROUTE_INVALID"
  | "PUSHPIN_INSTRUCT_INVALID"
  | "PUSHPIN_ITEM_INVALID"
  | "PUSHPIN_PATCH_INVALID"
  | "PUSHPIN_TEMPLATE_INVALID"
  | "PUSHPIN_FILTER_FAILED"
  | "PUSHPIN_WIRE_INVALID"
  | "PUSHPIN_KEY_INVALID"
  | "PUSHPIN_USAGE"
  | "PUSHPIN_LISTEN_FAILED"
  | "PUSHPIN_ORIGIN_FAILED"
  | "PUSHPIN_LINK_FAILED"
  | "PUSHPIN_PUBLISH_FAILED";

/** An error with a code, worded for the person who can mend it. */
export class PushpinError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "PushpinError";
    this.code = code;
  }
}

/** The text of anything thrown, with the causes behind it, on one line. */
export function describeError(thrown: unknown): string {
  const parts: string[] = [];
  for (
    let e: unknown = thrown;
    e !== undefined && parts.length < 4;
    e = e instanceof Error ? e.cause : undefined
  ) {
    const text = (e instanceof Error ? e.message : String(e)).replace(/\s+/g, " ").trim();
    if (text !== "" && parts.at(-1) !== text) parts.push(text);
  }
  return parts.length > 0 ? parts.join(": ") : "unknown error";
}
