/** The handler, put together: what publishes come in by, the one ingest, and the way to the proxies. */
import type { EffectiveSettings, Settings } from "./config.ts";
import type { Log } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { describeError, PushpinError } from "./errors.ts";
import { StandingServer } from "./server/edge/standing_server.ts";
import { createHttpControl } from "./server/control/http_control.ts";
import { Handler } from "./server/control/ingest.ts";
import { openZmqDoors } from "./server/control/zmq_doors.ts";
import { HandlerStats } from "./server/stats/handler_stats.ts";

/** A role that runs; disposing of it stops it at once. */
export interface HandlerRole extends AsyncDisposable {
  readonly handler: Handler;
  readonly metrics: Metrics;
  /** The port of the HTTP control API; undefined where it is off. */
  readonly controlPort: number | undefined;
  /** Takes over what can change without a listener. */
  configure(settings: Settings): void;
}

/**
 * Starts everything that publishes.
 *
 * @param openLink opens the way for proxies before anything can be published; what it opened closes with the handler.
 * @throws {PushpinError} `PUSHPIN_LISTEN_FAILED`, naming the address.
 */
export async function startHandler(
  effective: EffectiveSettings,
  log: Log,
  openLink?: (handler: Handler) => Promise<AsyncDisposable>,
): Promise<HandlerRole> {
  const { handler: settings, global } = effective.settings;
  await makeRundir(global.rundir);
  const metrics = new Metrics();
  const handler = new Handler({ log, metrics, ...handlerLimits(effective.settings) });
  await using parts = new AsyncDisposableStack();
  parts.use(handler);
  const stats = new HandlerStats({
    timers: handler.timers,
    settings: statsSettings(effective.settings),
    onWanted: (types) => handler.wantStats(types),
  });
  handler.watchStats(stats);
  if (openLink !== undefined) parts.use(await openLink(handler));
  const doors = await openZmqDoors({
    settings,
    ingest: handler,
    watchInterest: (watch) => handler.watchInterest(watch),
    watchStats: (watch) => stats.watch(watch),
    onStatsWanted: (types) => stats.want(types),
    from: `handler_${Deno.pid}`,
    log,
    metrics,
  });
  parts.use(doors);
  const port = settings.push_in_http_port;
  let control = controlOf(handler, effective.settings, log);
  let server: StandingServer | undefined;
  if (port !== undefined) {
    const hostname = settings.push_in_http_addr;
    try {
      server = new StandingServer({
        open: (signal, before) =>
          Deno.serve(
            {
              hostname,
              port: (before as Deno.NetAddr | undefined)?.port ?? port,
              signal,
              onListen: () => {},
            },
            (request) => control(request),
          ),
        log,
        where: `${hostname}:${port}`,
      });
    } catch (cause) {
      throw new PushpinError("PUSHPIN_LISTEN_FAILED", controlFailure({ hostname, port }, cause), { cause });
    }
    parts.use(server);
    warnOfOpenPort(hostname, log);
  }
  const running = parts.move();
  return {
    handler,
    metrics,
    controlPort: (server?.addr as Deno.NetAddr | undefined)?.port,
    configure(next) {
      handler.configure(handlerLimits(next));
      stats.configure(statsSettings(next));
      if (doors.stats !== undefined) doors.stats.format = next.handler.stats_format;
      control = controlOf(handler, next, log);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Sockets go there, whoever opens the first. */
async function makeRundir(rundir: string): Promise<void> {
  try {
    await Deno.mkdir(rundir, { recursive: true });
  } catch (cause) {
    const what = `Cannot make rundir "${rundir}": ${
      describeError(cause)
    }: set rundir to a folder that can be written`;
    throw new PushpinError("PUSHPIN_LISTEN_FAILED", what, { cause });
  }
}

function handlerLimits({ handler }: Settings) {
  return {
    messageWaitMs: handler.message_wait,
    idCacheTtlSeconds: handler.id_cache_ttl,
    updateOnFirstSubscription: handler.update_on_first_subscription,
  };
}

function statsSettings({ handler }: Settings) {
  return {
    subscriptionTtlSeconds: handler.stats_subscription_ttl,
    reportIntervalSeconds: handler.stats_report_interval,
    blockBytes: handler.message_block_size,
  };
}

function controlOf(handler: Handler, { handler: settings }: Settings, log: Log) {
  const limits = {
    maxHeaderBytes: settings.push_in_http_max_headers_size,
    maxBodyBytes: settings.push_in_http_max_body_size,
  };
  return createHttpControl({ ingest: handler, log, limits });
}

function controlFailure(
  address: { readonly hostname: string; readonly port: number },
  cause: unknown,
): string {
  const what = cause instanceof Deno.errors.AddrInUse ? "address in use" : describeError(cause);
  return `Cannot listen for publishes on ${address.hostname}:${address.port}: ${what}: ` +
    `set push_in_http_port or stop the other process`;
}

/** The control port asks nobody who they are; whoever opens it to the world should have meant to. */
function warnOfOpenPort(address: string, log: Log): void {
  if (/^(127\.|::1$|localhost$)/.test(address)) return;
  log.warn("the control port is open to other machines and asks nobody who they are", {
    push_in_http_addr: address,
  });
}
