/** A proxy, put together: listeners, the journey of a request, routes, holds, and the hub that items come to. */
import { basename } from "node:path";
import { VERSION } from "./cli/version.ts";
import type { EffectiveSettings, ForwardedRule, PortSpec, Settings } from "./config.ts";
import type { Log } from "./log.ts";
import { Metrics } from "./metrics.ts";
import type { ClientRequest } from "./server/edge/client_request.ts";
import { type ClientListener, listenClients } from "./server/edge/listener.ts";
import { Hub } from "./server/hub/hub.ts";
import { SessionKeeper } from "./server/proxy/hold_keeper.ts";
import { Journey, type ProxyOptions } from "./server/proxy/journey.ts";
import { RoutesSource } from "./server/proxy/routes_source.ts";
import type { ForwardedForRules } from "./server/proxy/x_forwarded.ts";
import { ProxyStats } from "./server/stats/proxy_stats.ts";

/** A role that runs; disposing of it cuts what is left. */
export interface ProxyRole extends AsyncDisposable {
  /** Attach a link to the handler here, each time there is a new one. */
  readonly hub: Hub;
  readonly metrics: Metrics;
  /** Where clients come in, with real ports. */
  readonly listeners: readonly ClientListener[];
  /** Takes over what can change without a listener, and reads the routes again. Connections stay. */
  configure(settings: Settings): Promise<void>;
  /** Stops accepting, lets what is under way finish and those who wait go within so many seconds. */
  drain(seconds: number): Promise<void>;
}

/** Where a newcomer's requests go while there is no routes file. */
const DEFAULT_ROUTES = ["* localhost:80"];

/**
 * Starts listening for clients.
 *
 * @param process `name` distinguishes this proxy's connections from those of others; `proxies` of them, this one
 * included, listen on the same ports and share what is allowed to all.
 * @throws {PushpinError} where a port, a key or the routes cannot be had as the settings say.
 */
export async function startProxy(
  effective: EffectiveSettings,
  log: Log,
  process: { readonly name: string; readonly proxies: number },
): Promise<ProxyRole> {
  const metrics = new Metrics();
  let settings = effective.settings;
  await using parts = new AsyncDisposableStack();
  const hub = parts.use(new Hub({ log, metrics, ...hubOptions(settings, process.proxies) }));
  const stats: ProxyStats = new ProxyStats({
    timers: hub.timers,
    settings: statsSettings(settings),
    report: (batch) => hub.report(batch),
    connections: () => holds.connections(),
    subscriptions: () => hub.subscriptions(),
  });
  hub.watchSubscriptions((mode, channel, subscribers) => stats.subscribed(mode, channel, subscribers));
  hub.collectStats((types) => stats.want(types));
  const holds: SessionKeeper = new SessionKeeper({
    hub,
    log,
    metrics,
    stats,
    settings: () => holdSettings(settings),
  });
  hub.answerConnections((ids) => holds.connected(ids));
  const routes = parts.use(
    new RoutesSource({
      file: settings.proxy.routesfile,
      lines: settings.proxy.routes.length > 0 ? settings.proxy.routes : undefined,
      fallback: effective.sources.has("proxy.routesfile") ? undefined : DEFAULT_ROUTES,
      log,
    }),
  );
  await routes.load();
  routes.watch();

  const newJourney = async (): Promise<Journey> => {
    const journey = new Journey(proxyOptions(settings, process.name, effective.configDir), {
      routes,
      holds,
      log,
      metrics,
      timers: hub.timers,
      stats,
    });
    await journey.checkKeys();
    return journey;
  };
  let journey = await newJourney();
  /** Those of earlier settings: requests and holds that began with them end with them. */
  const journeys = new Set([journey]);
  parts.defer(() => {
    for (const each of journeys) each[Symbol.dispose]();
  });

  const handler = (request: ClientRequest) => journey.handle(request);
  const listeners = settings.runner.http_port.map((port) =>
    parts.use(listenClients(tcpAddress(port, process.proxies > 1), { handler, log }))
  );
  for (const { address } of listeners) log.debug("listening", { ...address, tls: undefined });
  const running = parts.move();
  return {
    hub,
    metrics,
    listeners,
    async configure(next) {
      const before = settings;
      settings = next;
      if (JSON.stringify(before.proxy) !== JSON.stringify(next.proxy)) {
        try {
          journey = await newJourney();
          journeys.add(journey);
        } catch (thrown) {
          settings = before;
          throw thrown;
        }
      }
      hub.configure(hubOptions(next, process.proxies));
      stats.configure(statsSettings(next));
      if (before.proxy.routesfile !== next.proxy.routesfile) {
        log.warn("another routes file needs a restart", { routesfile: basename(next.proxy.routesfile) });
      }
      await routes.reload();
    },
    async drain(seconds) {
      const closed = Promise.all(listeners.map((listener) => listener.shutdown()));
      await holds.drain(seconds);
      await Promise.race([
        closed,
        new Promise<void>((resolve) => hub.timers.set(seconds * 1000 + 500, resolve)),
      ]);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function tcpAddress({ address, port }: PortSpec, reusePort: boolean) {
  return { kind: "tcp", hostname: address ?? "0.0.0.0", port, reusePort } as const;
}

function hubOptions({ handler }: Settings, proxies: number) {
  return {
    lingerSeconds: handler.subscription_linger,
    idCacheTtlSeconds: handler.id_cache_ttl,
    // The kernel spreads connections evenly, so an equal share of the whole comes close.
    messageRate: handler.message_rate / proxies,
    messageHwm: Math.ceil(handler.message_hwm / proxies),
    messageBlockSize: handler.message_block_size,
  };
}

function statsSettings({ global, handler }: Settings) {
  return {
    connectionTtlSeconds: global.stats_connection_ttl,
    sendConnections: global.stats_connection_send,
    blockBytes: handler.message_block_size,
  };
}

function holdSettings({ proxy, handler }: Settings) {
  return {
    clientQueueBytes: proxy.client_queue_bytes,
    connectionSubscriptionMax: handler.connection_subscription_max,
    debug: proxy.debug,
  };
}

function proxyOptions({ proxy }: Settings, name: string, keyDir: string): ProxyOptions {
  return {
    name,
    headers: {
      origHeadersNeedMark: new Set(proxy.orig_headers_need_mark.map((header) => header.toLowerCase())),
      acceptPushpinRoute: proxy.accept_pushpin_route,
      cdnLoop: proxy.cdn_loop,
      acceptForwardedProtocol: proxy.accept_x_forwarded_protocol,
      setForwardedProtocol: ({ "true": "both", "proto-only": "proto-only", "false": "off" } as const)[
        proxy.set_x_forwarded_protocol
      ],
      forwardedFor: forwardedRules(proxy.x_forwarded_for),
      forwardedForTrusted: forwardedRules(proxy.x_forwarded_for_trusted),
      userAgent: `pushpin/${VERSION}`,
    },
    debug: proxy.debug,
    sigIss: proxy.sig_iss,
    sigKey: proxy.sig_key,
    upstreamKey: proxy.upstream_key,
    originTimeoutMs: proxy.origin_timeout * 1000,
    keyDir,
    logFrom: proxy.log_from,
    logUserAgent: proxy.log_user_agent,
  };
}

/** In the order of the setting, the last word of each kind counts. */
function forwardedRules(rules: readonly ForwardedRule[]): ForwardedForRules {
  let found: ForwardedForRules = { append: false };
  for (const rule of rules) {
    found = rule.kind === "append" ? { ...found, append: true } : { ...found, truncate: rule.keep };
  }
  return found;
}
