/** The proxy alone, on a port of its own: real listener, real routes, holds that only say they were asked. */
import { TimerWheel } from "../../src/server/hub/timer_wheel.ts";
import { Metrics } from "../../src/metrics.ts";
import { parseRoutes } from "../../src/routes/parse.ts";
import { RouteTable } from "../../src/routes/table.ts";
import { type ClientListener, type ListenAddress, listenClients } from "../../src/server/edge/listener.ts";
import type { Answer, Asker, HoldKeeper, ProxyRequest } from "../../src/server/proxy/asking.ts";
import { Journey, type ProxyOptions } from "../../src/server/proxy/journey.ts";
import { parseForwardedForRules } from "../../src/server/proxy/x_forwarded.ts";
import { type LogRecorder, recordLog } from "./log_recorder.ts";

/** One client that was to be held. */
export interface KeptClient {
  readonly request: ProxyRequest;
  readonly answer: Answer & { readonly kind: "instruct" };
  readonly asker: Asker;
}

export interface ProxyStand extends AsyncDisposable {
  readonly port: number;
  readonly log: LogRecorder;
  readonly metrics: Metrics;
  readonly journey: Journey;
  readonly listener: ClientListener;
  /** Who was handed to the holds, oldest first; they are answered `held`. */
  readonly kept: readonly KeptClient[];
}

export interface ProxyStandOptions {
  readonly routes: readonly string[];
  readonly options?: Partial<Omit<ProxyOptions, "headers">>;
  readonly headers?: Partial<ProxyOptions["headers"]>;
  readonly address?: ListenAddress;
  /** Gives the client certificates that routes name. */
  readonly readFile?: (path: string) => string;
  /** Answers a held client; default: 200 `held`. */
  readonly keep?: HoldKeeper["keep"];
}

/** The settings as shipped. */
export function shippedOptions(): ProxyOptions {
  return {
    name: "p",
    headers: {
      origHeadersNeedMark: new Set(),
      acceptPushpinRoute: false,
      cdnLoop: "",
      acceptForwardedProtocol: false,
      setForwardedProtocol: "proto-only",
      forwardedFor: parseForwardedForRules([]),
      forwardedForTrusted: parseForwardedForRules([]),
      userAgent: "pushpin",
    },
    debug: false,
    sigIss: "pushpin",
    sigKey: "changeme",
    upstreamKey: "",
    originTimeoutMs: 0,
    logFrom: false,
    logUserAgent: false,
  };
}

/** Starts a proxy with these routes; a line that is not one fails the test. */
export function startProxy(
  { routes, options, headers, address, readFile, keep }: ProxyStandOptions,
): ProxyStand {
  const parsed = parseRoutes(routes.join("\n"), { file: "routes", readFile });
  const [problem] = parsed.problems.filter(({ kept }) => !kept);
  if (problem !== undefined) throw new Error(`Route ${problem.line}: ${problem.what}`);
  const log = recordLog();
  const metrics = new Metrics();
  const timers = new TimerWheel({
    onError: (thrown) => {
      throw thrown;
    },
  });
  const kept: KeptClient[] = [];
  const shipped = shippedOptions();
  const journey = new Journey(
    { ...shipped, ...options, headers: { ...shipped.headers, ...headers } },
    {
      routes: { table: new RouteTable(parsed.routes) },
      holds: {
        keep(request, answer, asker) {
          kept.push({ request, answer, asker });
          if (keep !== undefined) return keep(request, answer, asker);
          return Promise.resolve(new Response("held"));
        },
      },
      log,
      metrics,
      timers,
    },
  );
  const listener = listenClients(address ?? { kind: "tcp", hostname: "127.0.0.1", port: 0 }, {
    handler: journey.handle,
    log,
  });
  return {
    port: listener.address.kind === "tcp" ? listener.address.port : 0,
    log,
    metrics,
    journey,
    listener,
    kept,
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]();
      journey[Symbol.dispose]();
      timers[Symbol.dispose]();
    },
  };
}
