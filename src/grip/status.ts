/** Status codes: their phrases, and the ones that cannot be sent. */
import { STATUS_TEXT } from "@std/http/status";

/** The phrase for a code, `Undefined Reason` for codes that have none (spec 3.2). */
export function reasonFor(code: number): string {
  return STATUS_TEXT[code] ?? "Undefined Reason";
}

/**
 * True for codes whose responses have no body (204, 205, 304, and the 1xx): none may be given to the runtime's Response,
 * which throws otherwise.
 */
export function isBodylessStatus(code: number): boolean {
  return code < 200 || code === 204 || code === 205 || code === 304;
}

export interface ClientStatus {
  readonly code: number;
  readonly reason: string;
  /** Worth a log line: why the code is not the one asked for. */
  readonly note?: string;
}

/**
 * The status that can be sent to a client for one that an origin or a publisher asked for (0 to 999, spec 2.2 and 3.2).
 *
 * 200 to 599 go as they are. The others are no final HTTP status (RFC 9110 section 15) and the runtime refuses them, so
 * the client gets 502: the gateway was told something it cannot pass on. Headers and body stay. Publish items keep the
 * code they came with; whoever builds the response calls this.
 */
export function clientStatus(code: number, reason = reasonFor(code)): ClientStatus {
  if (Number.isInteger(code) && code >= 200 && code <= 599) return { code, reason };
  return {
    code: 502,
    reason: reasonFor(502),
    note: `Status ${code} cannot be sent: sent as 502, use a code from 200 to 599`,
  };
}
