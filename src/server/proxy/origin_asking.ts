/** Asking a route's targets, one after the other: signing, rewriting, failing over (spec 1.4 to 1.8). */
import type { PushpinError } from "../../errors.ts";
import type { Header } from "../../grip/head.ts";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import {
  connectAuthority,
  rewritePath,
  routeAuthority,
  targetAuthority,
  targetPath,
} from "../../routes/rewrite.ts";
import type { Route, Target } from "../../routes/route.ts";
import { hasDotSegments } from "../edge/request_target.ts";
import { readUpTo } from "../origin/body.ts";
import type { OriginClient } from "../origin/origin_client.ts";
import { OriginFailure, originFailure } from "../origin/origin_failure.ts";
import { sendPatiently, type Timers } from "../origin/patience.ts";
import { answerTest } from "../origin/test_origin.ts";
import type { ProxyStats } from "../stats/proxy_stats.ts";
import type { GripSigner } from "./grip_sig.ts";
import { buildOriginHeaders, type OriginHeaderSettings } from "./origin_request.ts";
import { MAX_REPLAY_BYTES, type RequestBody } from "./request_body.ts";

/** A request as it is asked of an origin: a client's, its retry, or a link's. */
export interface OriginQuestion {
  readonly route: Route;
  readonly method: string;
  /** As the client gave it, normalised; the route rewrites it. */
  readonly path: string;
  /** `host[:port]` as the client gave it. */
  readonly authority: string;
  readonly headers: readonly Header[];
  readonly body: RequestBody;
  readonly tls: boolean;
  readonly trusted: boolean;
  readonly peer?: string;
  readonly gripLast?: readonly Header[];
  readonly signal: AbortSignal;
}

/** What came of it; `target` is `host:port` or `test`. */
export type OriginReply =
  | { readonly kind: "response"; readonly response: Response; readonly target: string }
  /** `tried`: every target that was asked, in order. */
  | { readonly kind: "silent"; readonly failure: OriginFailure; readonly tried: readonly string[] }
  | { readonly kind: "unsigned"; readonly error: PushpinError }
  | { readonly kind: "path-escapes" };

export interface OriginAskerOptions {
  readonly headers: OriginHeaderSettings;
  /** For routes that name none of their own. */
  readonly sigIss: string;
  readonly sigKey: string;
  /** How long an origin may take for its head; 0 for as long as it wants. */
  readonly originTimeoutMs: number;
}

export class OriginAsker {
  readonly #options: OriginAskerOptions;
  readonly #origin: OriginClient;
  readonly #signer: GripSigner;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #timers: Timers<unknown>;
  readonly #stats: ProxyStats | undefined;

  constructor(
    options: OriginAskerOptions,
    deps: {
      readonly origin: OriginClient;
      readonly signer: GripSigner;
      readonly log: Log;
      readonly metrics: Metrics;
      readonly timers: Timers<unknown>;
      readonly stats?: ProxyStats | undefined;
    },
  ) {
    this.#options = options;
    this.#origin = deps.origin;
    this.#signer = deps.signer;
    this.#log = deps.log;
    this.#metrics = deps.metrics;
    this.#timers = deps.timers;
    this.#stats = deps.stats;
  }

  /** Asks the route's targets in their order, the next one only where nothing reached the one before. Never throws. */
  async ask(question: OriginQuestion): Promise<OriginReply> {
    const { route } = question;
    const path = rewritePath(route, question.path);
    // A rule such as path_beg=/api,replace_beg=/v1/ would make /api../x into /v1/../x, which fetch sends as /x.
    if (path !== question.path && hasDotSegments(path)) return { kind: "path-escapes" };
    let signature: string | undefined;
    if (route.grip && !question.trusted) {
      const { sigIss, sigKey } = this.#options;
      const signing = this.#signer.sign(route.sigIss ?? sigIss, route.sigKey ?? sigKey);
      try {
        signature = typeof signing === "object" ? await signing : signing;
      } catch (error) {
        return { kind: "unsigned", error: error as PushpinError };
      }
    }
    const headers = buildOriginHeaders({ ...question, signature }, this.#options.headers);
    return await this.#tryTargets(question, path, headers);
  }

  async #tryTargets(
    question: OriginQuestion,
    path: string,
    headers: [string, string][],
  ): Promise<OriginReply> {
    const { route, body } = question;
    const tried: string[] = [];
    for (let i = 0;; i++) {
      const target = route.targets[i]!;
      const name = targetName(target);
      const last = i === route.targets.length - 1;
      tried.push(name);
      try {
        // A stream is spent by the first attempt: whether there will be one is found out beforehand.
        if (body.kind === "stream" && !last && target.kind === "http") await this.#origin.probe(target);
        const response = await this.#send(target, question, { path, headers });
        if (this.#stats?.active === true) {
          const bodyLength = body.kind === "bytes" ? body.bytes.length : undefined;
          this.#stats.asked(route.id, { method: question.method, path, headers, bodyLength }, response);
        }
        return { kind: "response", response, target: name };
      } catch (thrown) {
        const failure = originFailure(thrown, name);
        this.#metrics.add("origin_failures", failure.reason);
        if (last || !failure.beforeSending) return { kind: "silent", failure, tried };
        this.#log.info("Target failed, trying the next", {
          target: name,
          reason: failure.reason,
          route: route.id ?? route.where,
        });
      }
    }
  }

  #send(
    target: Target,
    question: OriginQuestion,
    made: { readonly path: string; readonly headers: [string, string][] },
  ): Promise<Response> {
    const { route, method, body, signal } = question;
    const host = targetAuthority(target, routeAuthority(route, question.authority));
    const headers: [string, string][] = [["host", host], ...made.headers];
    if (target.kind === "test") {
      return askTest({ method, path: targetPath(route, target, made.path), headers, body });
    }
    const request = {
      method,
      path: made.path,
      host,
      headers,
      body: body.kind === "none" ? undefined : body.kind === "bytes" ? body.bytes : body.stream,
    };
    const { originTimeoutMs: headMs } = this.#options;
    const watchConnect = route.targets.length > 1;
    if (!watchConnect && headMs === 0) return this.#origin.send(target, request, signal);
    return sendPatiently((patient) => this.#origin.send(target, request, patient), signal, {
      timers: this.#timers,
      probe: () => this.#origin.probe(target),
      watchConnect,
      headMs,
    });
  }
}

async function askTest(
  { method, path, headers, body }: {
    readonly method: string;
    readonly path: string;
    readonly headers: readonly Header[];
    readonly body: RequestBody;
  },
): Promise<Response> {
  if (body.kind !== "stream") {
    const bytes = body.kind === "bytes" ? body.bytes : new Uint8Array(0);
    return await answerTest({ method, path, headers, body: bytes });
  }
  const read = await readUpTo(body.stream, MAX_REPLAY_BYTES);
  if (!read.complete) await read.rest.cancel();
  return await answerTest({ method, path, headers, body: read.complete ? read.bytes : undefined });
}

/** `host:port` or `test`, for logs. */
export function targetName(target: Target): string {
  return target.kind === "test" ? "test" : connectAuthority(target);
}
