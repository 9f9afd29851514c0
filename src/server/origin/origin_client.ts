/**
 * Sends requests to targets by fetch, each to exactly the address its target names. What fetch would do on its own is
 * kept from it: no HTTP/2, no redirects followed, no proxy of the environment, no second POST.
 *
 * The second POST: fetch sends a request once more when a pooled connection ends without an answer, bodies of known
 * bytes included (Deno 2.9.6). A request that must not happen twice therefore never meets a pooled connection.
 */
import { describeError } from "../../errors.ts";
import type { Target } from "../../routes/route.ts";
import { connectAuthority } from "../../routes/rewrite.ts";
import { routeHost } from "../../routes/table.ts";
import { publicAddress } from "./address_policy.ts";
import { OriginFailure, originFailure } from "./origin_failure.ts";
import { Tunnels, type TunnelTarget } from "./tunnel.ts";

export type HttpTarget = Target & { readonly kind: "http" };

/** A request ready to be sent; what fetch adds where it is missing is there already. */
export interface OutgoingRequest {
  readonly method: string;
  /** Encoded and normalised, with its query. */
  readonly path: string;
  /** The Host field, `name[:port]`; TLS is verified for this name unless the target says otherwise. */
  readonly host: string;
  readonly headers: [string, string][];
  /** Bytes go with a Content-Length, a client's untouched body with the client's own, other streams chunked. */
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
}

export interface OriginClientOptions {
  /** PEM texts trusted besides the system's, for origins with certificates of their own authority. */
  readonly caCerts?: readonly string[];
  /** How long an idle connection to an origin is kept; spec 12: 55 s. */
  readonly poolIdleMs?: number;
}

/** RFC 9110 9.2.2: doing these twice does what doing them once does. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** How a target's connections are made; found once for each target and Host. */
interface Way {
  /** `scheme://host:port` of the URL. */
  readonly base: string;
  readonly pooled: Deno.HttpClient;
  readonly fresh: Deno.HttpClient;
}

interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

export class OriginClient implements Disposable {
  readonly #options: OriginClientOptions;
  readonly #tunnels = new Tunnels();
  /** Routes are replaced on reload; what they led to goes with them. */
  readonly #direct = new WeakMap<HttpTarget, Way>();
  /** By what makes connections differ, so that a reload of the same routes keeps them. */
  readonly #clients = new Map<string, Pick<Way, "pooled" | "fresh">>();

  constructor(options: OriginClientOptions = {}) {
    this.#options = options;
  }

  /**
   * Sends a request and gives fetch's own Response: head there, body coming, nothing decoded as long as the first
   * accept-encoding is `identity`.
   *
   * @throws {OriginFailure} where no head came; `aborted` where the signal did it.
   */
  async send(target: HttpTarget, request: OutgoingRequest, signal: AbortSignal): Promise<Response> {
    try {
      const way = target.untrusted || (target.ssl && verifiedName(target, request.host) !== target.hostname)
        ? await this.#checkedWay(target, request.host)
        : this.#directWay(target);
      const { method, headers, body } = request;
      // A stream cannot be sent again at all: on a connection that has died it would only fail.
      const client = IDEMPOTENT.has(method) && !(body instanceof ReadableStream) ? way.pooled : way.fresh;
      const init: RequestInit & { readonly client: Deno.HttpClient } = {
        method,
        headers,
        body,
        client,
        redirect: "manual",
        signal,
      };
      return await fetch(way.base + request.path, init);
    } catch (error) {
      if (signal.aborted) {
        throw new OriginFailure("aborted", "The client left", { beforeSending: false, cause: error });
      }
      throw originFailure(error, connectAuthority(target));
    }
  }

  /**
   * Finds out whether a target can be connected to, for a body that can be sent only once.
   *
   * @throws {OriginFailure} with `beforeSending`.
   */
  async probe(target: HttpTarget): Promise<void> {
    try {
      (await Deno.connect({ hostname: target.hostname, port: target.port })).close();
    } catch (cause) {
      const reason = /lookup/.test(describeError(cause)) ? "dns" : "connect";
      throw new OriginFailure(reason, `Cannot connect to ${connectAuthority(target)}`, {
        beforeSending: true,
        cause,
      });
    }
  }

  /** Closes idle connections; requests under way fail. */
  [Symbol.dispose](): void {
    for (const { pooled, fresh } of this.#clients.values()) {
      pooled.close();
      fresh.close();
    }
    this.#tunnels[Symbol.dispose]();
  }

  #directWay(target: HttpTarget): Way {
    let way = this.#direct.get(target);
    if (way === undefined) {
      const scheme = target.ssl ? "https" : "http";
      way = { base: `${scheme}://${connectAuthority(target)}`, ...this.#clientsFor(target.clientCert) };
      this.#direct.set(target, way);
    }
    return way;
  }

  /** Where the URL's host cannot be the target's: the address is checked first, or the name to verify is another. */
  async #checkedWay(target: HttpTarget, host: string): Promise<Way> {
    if (!target.ssl) {
      const address = await publicAddress(target.hostname);
      const base = `http://${connectAuthority({ ...target, hostname: address })}`;
      return { base, ...this.#clientsFor(undefined) };
    }
    const { hostname, port, untrusted, clientCert } = target;
    const clients = this.#clientsFor(clientCert, {
      key: `${untrusted} ${connectAuthority(target)}`,
      proxyTo: async () => ({ hostname: untrusted ? await publicAddress(hostname) : hostname, port }),
    });
    // Asked before the request, as what a tunnel meets comes out of fetch as one and the same failure.
    if (untrusted) await publicAddress(hostname);
    const name = verifiedName(target, host);
    return { base: `https://${name.includes(":") ? `[${name}]` : name}`, ...clients };
  }

  #clientsFor(
    identity: TlsIdentity | undefined,
    tunnel?: { readonly key: string; readonly proxyTo: TunnelTarget },
  ): Pick<Way, "pooled" | "fresh"> {
    const key = `${tunnel?.key ?? ""}\n${identity?.cert ?? ""}\n${identity?.key ?? ""}`;
    let clients = this.#clients.get(key);
    if (clients === undefined) {
      const proxy = tunnel && { transport: "http" as const, ...this.#tunnels.proxyTo(tunnel.proxyTo) };
      clients = this.#createClients(identity, proxy);
      this.#clients.set(key, clients);
    }
    return clients;
  }

  #createClients(
    identity: TlsIdentity | undefined,
    proxy: Deno.CreateHttpClientOptions["proxy"],
  ): Pick<Way, "pooled" | "fresh"> {
    const { caCerts, poolIdleMs = 55_000 } = this.#options;
    const create = (pool: { poolIdleTimeout: number } | { poolMaxIdlePerHost: number }) => {
      const common = {
        ...pool,
        proxy,
        allowHost: true,
        http2: false,
        caCerts: caCerts === undefined ? undefined : [...caCerts],
      };
      return identity === undefined
        ? Deno.createHttpClient(common)
        : Deno.createHttpClient({ ...common, cert: identity.cert, key: identity.key });
    };
    return { pooled: create({ poolIdleTimeout: poolIdleMs }), fresh: create({ poolMaxIdlePerHost: 0 }) };
  }
}

/** The name the origin's certificate must be for (spec 1.8). With `insecure` none is checked, so the plain way will do. */
function verifiedName(target: HttpTarget, host: string): string {
  return target.trustConnectHost || target.insecure ? target.hostname : routeHost(host);
}
