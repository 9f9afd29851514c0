/** A request of Deno.serve as the proxy's ClientRequest. Runs for every request: what is not asked for is not made. */
import type { Header } from "../../grip/head.ts";
import type { ClientRequest, Peer } from "./client_request.ts";
import { readTarget } from "./request_target.ts";

const UNKNOWN_PEER: Peer = { kind: "unix" };
const NO_BODY_LENGTH = /^0+$/;

/**
 * Wraps a request.
 *
 * @returns undefined where Host or target are not valid ones: 400.
 */
export function readClientRequest(
  request: Request,
  info: Deno.ServeHandlerInfo,
  tls: boolean,
): ClientRequest | undefined {
  const headers: Header[] = [];
  let host: string | null = null;
  let length: string | undefined;
  let chunked = false;
  // forEach, as the Headers iterator costs 12 µs a request more (10 fields, Deno 2.9.6).
  request.headers.forEach((value, name) => {
    if (name === "host") host = value;
    else if (name === "content-length") length = value;
    else if (name === "transfer-encoding") chunked = true;
    headers.push([name, value]);
  });
  const target = readTarget(request.url, host);
  if (target === undefined) return undefined;
  // A POST without either has no body (RFC 9112 6.3), though the runtime gives it an empty stream.
  const hasBody = chunked || length !== undefined && !NO_BODY_LENGTH.test(length);
  return new ServedRequest(request, info, {
    tls,
    target,
    // An array that was pushed to has room for 17; a hold keeps it for long.
    headers: headers.slice(),
    hasBody,
    bodyLength: chunked || length === undefined ? undefined : Number(length),
  });
}

interface Found {
  readonly tls: boolean;
  readonly target: { readonly authority: string; readonly path: string };
  readonly headers: readonly Header[];
  readonly hasBody: boolean;
  readonly bodyLength: number | undefined;
}

class ServedRequest implements ClientRequest {
  readonly method: string;
  readonly tls: boolean;
  readonly authority: string;
  readonly path: string;
  readonly headers: readonly Header[];
  readonly bodyLength: number | undefined;
  readonly readBody: (() => Promise<Uint8Array<ArrayBuffer>>) | undefined;
  readonly #request: Request;
  readonly #info: Deno.ServeHandlerInfo;
  #peer: Peer | undefined;

  constructor(request: Request, info: Deno.ServeHandlerInfo, found: Found) {
    this.method = request.method;
    this.tls = found.tls;
    this.authority = found.target.authority;
    this.path = found.target.path;
    this.headers = found.headers;
    this.bodyLength = found.bodyLength;
    this.#request = request;
    this.#info = info;
    const hides = this.method === "GET" || this.method === "HEAD" || this.method === "CONNECT";
    this.readBody = found.hasBody && !hides ? () => request.bytes() : undefined;
  }

  get body(): ReadableStream<Uint8Array> | undefined {
    return this.readBody === undefined ? undefined : this.#request.body ?? undefined;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  get peer(): Peer {
    return this.#peer ??= readPeer(this.#info);
  }
}

/** The runtime knows a peer only while the request is open. */
function readPeer(info: Deno.ServeHandlerInfo): Peer {
  try {
    const address = info.remoteAddr;
    return "port" in address && "hostname" in address
      ? { kind: "tcp", address: address.hostname, port: address.port }
      : UNKNOWN_PEER;
  } catch {
    return UNKNOWN_PEER; // "Request closed": asked for too late, there is nothing left to say
  }
}
