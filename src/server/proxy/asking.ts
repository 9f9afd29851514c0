/**
 * The seam between a request's journey and the holds: how a hold asks the origin again, and what an answer is.
 * `journey.ts` implements `Asker`; `hold_keeper.ts` implements `HoldKeeper`.
 */
import type { Header, ResponseHead } from "../../grip/head.ts";
import type { Instruct } from "../../grip/instruct.ts";
import type { Route } from "../../routes/route.ts";
import type { ClientRequest } from "../edge/client_request.ts";

/** A client's request with what the journey found out about it; kept with the hold for retries and links. */
export interface ProxyRequest {
  readonly client: ClientRequest;
  readonly route: Route;
  /** scheme://authority/path as the proxy sees it (after as_host): links resolve against it, stats and logs show it. */
  readonly uri: string;
  /** The request body as already sent, at most 100 000 bytes, for a replay; undefined where there was none. */
  readonly replayBody?: Uint8Array;
  /** `from=` in logs, stats' peer-address: spec 1.6. */
  readonly peerAddress?: string;
  /** Unique in this process for the life of the request: `<proxy>:<n>`, what conncheck knows. */
  readonly id: string;
}

export type Answer =
  /** No instructions: relay it. `response` has final headers and a live body. */
  | { readonly kind: "relay"; readonly response: Response }
  /** Instructions; `stream` is the rest of an initial body too large (or too endless) to collect (spec 1.10). */
  | { readonly kind: "instruct"; readonly instruct: Instruct; readonly stream?: ReadableStream<Uint8Array> }
  /** We answer ourselves; reason is for the log. */
  | {
    readonly kind: "refuse";
    readonly head: ResponseHead;
    readonly body: Uint8Array;
    readonly reason: string;
  };

/** What a next link brought. */
export interface LinkAnswer {
  readonly head: ResponseHead;
  /** Undefined where there is none. Must be read or cancelled. */
  readonly body?: ReadableStream<Uint8Array>;
  /** The absolute URI that was asked: the next relative link resolves against it. */
  readonly uri: string;
}

export interface Asker {
  /** Runs the original request again (spec 4.5) with Grip-Last fields added. Never throws. */
  retry(request: ProxyRequest, gripLast: readonly Header[], signal: AbortSignal): Promise<Answer>;
  /**
   * Fetches a next link (GET) or a gone link (POST, empty body) with the proxy's own fields, by the same route where
   * authority and path allow it, directly otherwise (spec 2.7).
   * @throws PushpinError PUSHPIN_ORIGIN_FAILED where there is no answer at all; every status is an answer.
   */
  fetchLink(
    request: ProxyRequest,
    link: { readonly method: "GET" | "POST"; readonly uri: string; readonly gripLast: readonly Header[] },
    signal: AbortSignal,
  ): Promise<LinkAnswer>;
}

/** Takes clients whose answer is an instruct; gives the response that the listener sends. */
export interface HoldKeeper {
  /** The Response of a response hold comes when it ends, that of a stream hold at once. Never rejects. */
  keep(
    request: ProxyRequest,
    answer: Answer & { readonly kind: "instruct" },
    asker: Asker,
  ): Promise<Response>;
}
