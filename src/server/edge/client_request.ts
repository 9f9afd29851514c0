/** A client's request as the proxy sees it: evidence, never edited. */
import type { Header } from "../../grip/head.ts";

/** Where the client's connection comes from; unix sockets have no address. */
export type Peer = { readonly kind: "tcp"; readonly address: string; readonly port: number } | {
  readonly kind: "unix";
};

export interface ClientRequest {
  readonly method: string;
  /** Scheme by the listener, before any X-Forwarded-Proto promotion. */
  readonly tls: boolean;
  /** Host header as sent (`name[:port]`), or the URL's authority; "localhost:port" where the client sent none. */
  readonly authority: string;
  /** Path and query, normalised as fetch will send it (dot segments resolved, WHATWG encoding). */
  readonly path: string;
  /** Lower-case names, as the runtime gives them; duplicates joined but for set-cookie. */
  readonly headers: readonly Header[];
  /** Undefined where the request has no body (GET and HEAD never have one here). */
  readonly body?: ReadableStream<Uint8Array>;
  /** The whole body at once; either this or `body`, once. There where `body` is. @throws where the client leaves. */
  readonly readBody?: () => Promise<Uint8Array<ArrayBuffer>>;
  /** From Content-Length, where the client gave one. */
  readonly bodyLength?: number;
  readonly peer: Peer;
  /** Aborts when the client leaves. It aborts after a normal response as well: believe it only until then. */
  readonly signal: AbortSignal;
}

/** Answers every request with a Response, whatever happens; a throw is our fault and becomes a logged 500. */
export type ClientHandler = (request: ClientRequest) => Promise<Response>;
