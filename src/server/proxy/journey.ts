/**
 * One request's way through the proxy (spec 1.3): find its route, ask the origin, and then relay the answer, hand the
 * client to a hold, or refuse. Holds come back here to ask again.
 */
import { describeError } from "../../errors.ts";
import type { Header } from "../../grip/head.ts";
import { headerValue } from "../../grip/headers.ts";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import type { Route } from "../../routes/route.ts";
import { routeHost, type RouteTable } from "../../routes/table.ts";
import type { ClientRequest } from "../edge/client_request.ts";
import { OriginClient } from "../origin/origin_client.ts";
import type { Timers } from "../origin/patience.ts";
import type { ProxyStats } from "../stats/proxy_stats.ts";
import { AccessLog, type Outcome, peerOf, uriOf, type Visit } from "./access_log.ts";
import { type AnswerContext, readAnswer } from "./answers.ts";
import type { Answer, Asker, HoldKeeper, LinkAnswer, ProxyRequest } from "./asking.ts";
import { clientResponse } from "./client_response.ts";
import { GripSigner } from "./grip_sig.ts";
import { Leash } from "./leash.ts";
import { fetchLink } from "./links.ts";
import { OriginAsker, type OriginQuestion } from "./origin_asking.ts";
import type { OriginHeaderSettings } from "./origin_request.ts";
import {
  internalError,
  methodUnsupported,
  noRoute,
  originSilent,
  pathEscapes,
  type Refusal,
  requestCut,
  signingFailed,
} from "./refusals.ts";
import { keptRequestBody, type RequestBody, takeRequestBody } from "./request_body.ts";
import { answerWebSocket, wantsWebSocket } from "./websocket_seam.ts";
import { saysTls } from "./x_forwarded.ts";

/** Methods that fetch refuses to send. */
const UNSENDABLE: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

/** What the settings say about forwarding, in exact types. */
export interface ProxyOptions {
  /** Distinguishes this process's request ids from others': `<name>:<n>`. */
  readonly name: string;
  readonly headers: OriginHeaderSettings;
  /** Explains errors to clients on every route. */
  readonly debug: boolean;
  readonly sigIss: string;
  readonly sigKey: string;
  /** Trusts requests signed with it; empty trusts none. */
  readonly upstreamKey: string;
  /** How long an origin may take for its head; 0 for as long as it wants. */
  readonly originTimeoutMs: number;
  /** Where relative `file:` keys are looked for. */
  readonly keyDir?: string;
  readonly logFrom: boolean;
  readonly logUserAgent: boolean;
  /** PEM texts, besides the system's authorities. */
  readonly caCerts?: readonly string[];
}

export interface ProxyDeps {
  /** The table may be replaced while we run; a request keeps the route it found. */
  readonly routes: { readonly table: RouteTable };
  readonly holds: HoldKeeper;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly timers: Timers<unknown>;
  readonly stats?: ProxyStats;
}

export class Journey implements Asker, Disposable {
  readonly #options: ProxyOptions;
  readonly #deps: ProxyDeps;
  readonly #log: Log;
  readonly #origin: OriginClient;
  readonly #signer: GripSigner;
  readonly #asker: OriginAsker;
  readonly #access: AccessLog;
  /** Counts for the whole process: journeys of earlier settings live as long as their holds do. */
  static #requests = 0;

  constructor(options: ProxyOptions, deps: ProxyDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#log = deps.log;
    this.#origin = new OriginClient({ caCerts: options.caCerts });
    this.#signer = new GripSigner({ keyDir: options.keyDir });
    const { log, metrics, timers, stats } = deps;
    this.#asker = new OriginAsker(options, {
      origin: this.#origin,
      signer: this.#signer,
      log,
      metrics,
      timers,
      stats,
    });
    this.#access = new AccessLog(log, { ...options, ...options.headers });
  }

  /** Answers a client. Never rejects: what fails here is a logged 500. */
  readonly handle = (client: ClientRequest): Promise<Response> => {
    const id = `${this.#options.name}:${++Journey.#requests}`;
    this.#deps.metrics.add("request_received");
    const { method } = client;
    // Promises are handed on, not awaited: a frame that waits would stay in memory as long as the hold.
    try {
      return this.#serve(client, id).catch((error) => this.#failed(error, method, id));
    } catch (error) {
      return Promise.resolve(this.#failed(error, method, id));
    }
  };

  #failed(error: unknown, method: string, id: string): Response {
    this.#log.error("Request failed", {
      id,
      error: describeError(error),
      code: 500,
      reason: "internal-error",
    });
    return this.#refuse(internalError(), method, id);
  }

  #serve(client: ClientRequest, id: string): Promise<Response> {
    const { headers, method, authority, path } = client;
    const settings = this.#options.headers;
    const tls = client.tls || (settings.acceptForwardedProtocol && saysTls(headers));
    const websocket = wantsWebSocket(method, headers);
    const host = routeHost(authority);
    const route = this.#deps.routes.table.match({
      host,
      path,
      ssl: tls,
      proto: websocket ? "ws" : "http",
      routeId: settings.acceptPushpinRoute ? headerValue(headers, "pushpin-route") : undefined,
    });
    const { stats } = this.#deps;
    if (stats?.active === true) stats.requested(route?.id, client);
    const visit = { client, id, tls, trusted: false };
    if (route === undefined) return Promise.resolve(this.#finish(visit, { answer: noRoute(host, path) }));
    const routed = { ...visit, route };
    if (websocket) return Promise.resolve(this.#finish(routed, { answer: answerWebSocket() }));
    if (UNSENDABLE.has(method)) {
      return Promise.resolve(this.#finish(routed, { answer: methodUnsupported(method) }));
    }
    if (this.#options.upstreamKey === "") return this.#forward(routed);
    return this.#isTrusted(headers).then((trusted) => this.#forward({ ...routed, trusted }));
  }

  async #forward(visit: Visit & { readonly route: Route }): Promise<Response> {
    const { client, route, tls, trusted } = visit;
    let body: RequestBody;
    try {
      const taken = takeRequestBody(client);
      body = taken instanceof Promise ? await taken : taken;
    } catch (error) {
      return this.#finish(visit, { answer: requestCut(), error: describeError(error) });
    }
    const { method, path, authority, headers } = client;
    const peer = peerOf(client);
    const leash = new Leash(client.signal);
    const { signal } = leash;
    const question = { route, method, path, authority, headers, body, tls, trusted, signal, peer };
    const outcome = await this.#ask(question, visit.id);
    leash.release();
    const { answer } = outcome;
    if (answer.kind !== "instruct") return this.#finish(visit, outcome);
    this.#access.write(visit, outcome);
    this.#deps.metrics.add("proxy_answers", "instruct");
    const request: ProxyRequest = {
      client,
      route,
      uri: uriOf(visit),
      replayBody: replayOf(body),
      peerAddress: this.#access.addressOf(visit),
      id: visit.id,
    };
    // Not awaited: what this function knows would stay in memory as long as the hold.
    return this.#deps.holds.keep(request, answer, this);
  }

  /** Asks the origin and reads what it answers. */
  async #ask(question: OriginQuestion, id: string): Promise<Outcome> {
    const { route, body, method } = question;
    const debug = this.#options.debug || route.debug;
    const reply = await this.#asker.ask(question);
    switch (reply.kind) {
      case "path-escapes":
        return { answer: pathEscapes() };
      case "unsigned":
        return { answer: signingFailed(reply.error.message, debug), error: reply.error.message };
      case "silent": {
        const answer = originSilent(reply.failure, reply.tried, debug);
        return { answer, target: reply.tried.at(-1), error: reply.failure.message };
      }
    }
    const { response, target } = reply;
    const context: AnswerContext = {
      grip: route.grip && !question.trusted,
      replayable: () => body.kind !== "stream" || body.replay() !== undefined,
      method,
      id,
      target,
      debug,
      log: this.#log,
    };
    const read = readAnswer(response, context);
    const { answer, bytes, error } = read instanceof Promise ? await read : read;
    return { answer, bytes, target, error };
  }

  async retry(request: ProxyRequest, gripLast: readonly Header[], signal: AbortSignal): Promise<Answer> {
    const { client, route, replayBody, id } = request;
    const { method, path, authority, headers } = client;
    const tls = request.uri.startsWith("https:");
    const visit: Visit = { client, route, tls, id, trusted: false };
    try {
      const body = keptRequestBody(method, replayBody);
      const peer = peerOf(client);
      const outcome = await this.#ask(
        { route, method, path, authority, headers, body, tls, trusted: false, peer, gripLast, signal },
        id,
      );
      this.#access.write(visit, { ...outcome, retried: gripLast });
      return outcome.answer;
    } catch (error) {
      this.#log.error("Retry failed", { id, uri: request.uri, error: describeError(error) });
      return internalError();
    }
  }

  fetchLink(
    request: ProxyRequest,
    link: { readonly method: "GET" | "POST"; readonly uri: string; readonly gripLast: readonly Header[] },
    signal: AbortSignal,
  ): Promise<LinkAnswer> {
    return fetchLink(this.#asker, request, link, signal);
  }

  /** Reads the settings' keys, so that a bad one is told at start. @throws {PushpinError} `PUSHPIN_KEY_INVALID` */
  async checkKeys(): Promise<void> {
    await this.#signer.check(this.#options.sigKey);
    await this.#signer.check(this.#options.upstreamKey, "verify");
  }

  /** Lets the connections to origins go. */
  [Symbol.dispose](): void {
    this.#origin[Symbol.dispose]();
  }

  async #isTrusted(headers: readonly Header[]): Promise<boolean> {
    const token = headerValue(headers, "grip-sig");
    if (token === undefined) return false;
    try {
      return await this.#signer.verify(token, this.#options.upstreamKey);
    } catch (error) {
      this.#log.error("Cannot check upstream signatures", { error: describeError(error) });
      return false;
    }
  }

  #finish(visit: Visit, outcome: Outcome): Response {
    const { answer } = outcome;
    this.#access.write(visit, outcome);
    if (this.#deps.stats?.active === true) countAnswer(this.#deps.stats, visit.route?.id, outcome);
    if (answer.kind === "refuse") return this.#refuse(answer, visit.client.method, visit.id);
    if (answer.kind === "instruct") throw new TypeError("An instruct is for the holds");
    this.#deps.metrics.add("proxy_answers", "relay");
    return answer.response;
  }

  #refuse(refusal: Refusal, method: string, id: string): Response {
    this.#deps.metrics.add("proxy_refusals", refusal.reason);
    return clientResponse(refusal.head, refusal.body, { method, log: this.#log, id });
  }
}

function countAnswer(stats: ProxyStats, route: string | undefined, { answer, bytes }: Outcome): void {
  if (answer.kind === "relay") {
    const { statusText: reason, headers } = answer.response;
    stats.answered(route, { reason, headers, bodyLength: bytes });
  } else if (answer.kind === "refuse") {
    stats.answered(route, { ...answer.head, bodyLength: answer.body.byteLength });
  }
}

/** Undefined where there was no body, or none that can be sent again: that one is refused before a hold. */
function replayOf(body: RequestBody): Uint8Array | undefined {
  if (body.kind === "stream") return body.replay();
  return body.kind === "bytes" && body.bytes.byteLength > 0 ? body.bytes : undefined;
}
