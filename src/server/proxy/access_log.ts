/** Writes the access line of every request (spec 9.4), and finds out who the client is for it. */
import type { Header } from "../../grip/head.ts";
import { headerValue } from "../../grip/headers.ts";
import type { Log } from "../../log.ts";
import { routeAuthority } from "../../routes/rewrite.ts";
import type { Route } from "../../routes/route.ts";
import type { ClientRequest } from "../edge/client_request.ts";
import { accessLine, type AccessOutcome } from "./access_line.ts";
import type { Answer } from "./asking.ts";
import { type ForwardedForRules, logicalAddress } from "./x_forwarded.ts";

/** A request while it is with us, as far as it is known. */
export interface Visit {
  readonly client: ClientRequest;
  /** `<proxy>:<n>`. */
  readonly id: string;
  /** After promotion by X-Forwarded-Proto. */
  readonly tls: boolean;
  /** It came through another GRIP proxy. */
  readonly trusted: boolean;
  readonly route?: Route;
}

/** What came of asking. */
export interface Outcome {
  readonly answer: Answer;
  /** The target that answered, or the last that did not. */
  readonly target?: string;
  /** The body's length, where it is known without counting. */
  readonly bytes?: number;
  /** For people, where the answer is a refusal. */
  readonly error?: string;
  /** The Grip-Last fields of a retry. */
  readonly retried?: readonly Header[];
}

export interface AccessLogOptions {
  readonly logFrom: boolean;
  readonly logUserAgent: boolean;
  readonly forwardedFor: ForwardedForRules;
  readonly forwardedForTrusted: ForwardedForRules;
}

export class AccessLog {
  readonly #log: Log;
  readonly #options: AccessLogOptions;

  constructor(log: Log, options: AccessLogOptions) {
    this.#log = log;
    this.#options = options;
  }

  /** One line a request, when its head goes out: at warn where the fault is behind us or ours, else at info. */
  write(visit: Visit, outcome: Outcome): void {
    const { client, route } = visit;
    const { answer, error } = outcome;
    const ending = accessOutcome(outcome);
    const bad = answer.kind === "refuse" && ending.kind === "code" && ending.code >= 500;
    const level = bad ? "warn" : "info";
    // Route option log_level is the most that is said about a route's requests (0 error, 1 warn, 2 info).
    if (!this.#log.enabled(level) || (route?.logLevel ?? 2) < (bad ? 1 : 2)) return;
    const text = accessLine({
      method: client.method,
      uri: uriOf(visit),
      target: outcome.target,
      outcome: ending,
      routeId: route?.id,
      from: this.#options.logFrom ? this.addressOf(visit) : undefined,
      referer: headerValue(client.headers, "referer"),
      userAgent: this.#options.logUserAgent ? headerValue(client.headers, "user-agent") : undefined,
      retry: outcome.retried !== undefined,
      gripLast: outcome.retried,
    });
    const fields = answer.kind === "refuse" ? { reason: answer.reason, error } : undefined;
    this.#log[level](text, fields);
  }

  /** Who the client is: its address, or what it says of those before it where that is believed (spec 1.6). */
  addressOf({ client, trusted }: Visit): string | undefined {
    const { forwardedFor, forwardedForTrusted } = this.#options;
    const rules = trusted ? forwardedForTrusted : forwardedFor;
    return logicalAddress(headerValue(client.headers, "x-forwarded-for"), rules, peerOf(client));
  }
}

/** The request's URI as everything behind the routes sees it. */
export function uriOf({ client, route, tls }: Visit): string {
  const { authority, path } = client;
  const host = route === undefined ? authority : routeAuthority(route, authority);
  return `${tls ? "https" : "http"}://${host}${path}`;
}

/** The other end of the connection; a unix socket has no address. */
export function peerOf({ peer }: ClientRequest): string | undefined {
  return peer.kind === "tcp" ? peer.address : undefined;
}

function accessOutcome({ answer, bytes }: Outcome): AccessOutcome {
  switch (answer.kind) {
    case "relay":
      return { kind: "code", code: answer.response.status, bytes };
    case "instruct":
      return { kind: "accept" };
    case "refuse":
      return answer.reason === "aborted"
        ? { kind: "error" }
        : { kind: "code", code: answer.head.code, bytes: answer.body.byteLength };
  }
}
