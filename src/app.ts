/**
 * The composition root: which parts a process is made of, and how it lives: start, ready, reload, drain, end. The
 * parts themselves are put together in app_proxy.ts and app_handler.ts.
 */
import type { Role } from "./cli.ts";
import {
  compareSettings,
  type EffectiveSettings,
  formatProblem,
  type LoadedSettings,
  type Problem,
  type Settings,
} from "./config.ts";
import { describeError } from "./errors.ts";
import type { Log } from "./log.ts";
import { startHandler } from "./app_handler.ts";
import { startProxy } from "./app_proxy.ts";
import { guardProcess, scrubEnvironment } from "./server/edge/guards.ts";
import { contentBytes } from "./server/hub/throttle.ts";
import { linkAddress } from "./server/link/address.ts";
import { LinkConnector } from "./server/link/link_connector.ts";
import { LinkListener } from "./server/link/link_listener.ts";
import { createMemoryLink } from "./server/link/memory_link.ts";
import type { DownMessage, UpMessage } from "./server/link/messages.ts";
import { createLogWriter, type LogWriter } from "./server/log_writer.ts";
import { type ChildGuard, guardChild } from "./server/runner/child_guard.ts";
import { childCommand, runRunner } from "./server/runner/runner.ts";
import { untilStopped } from "./server/runner/lifetime.ts";

export interface StartOptions {
  readonly role: Role;
  /** To be logged once the log is there. */
  readonly warnings: readonly Problem[];
  /** Reads every source again, for SIGHUP. */
  readonly reload: () => LoadedSettings;
}

/** What a process does for the program: proxy, handler, or both. */
interface Part extends AsyncDisposable {
  configure(settings: Settings): void | Promise<void>;
  /** Lets clients go within so many seconds; new ones are not accepted any more. */
  drain(seconds: number): Promise<void>;
}

/** A restarted handler waits so long for the proxies that outlived it before it takes publishes. */
const REJOIN_MS = 1000;
/** More than a proxy's longest wait between two tries to join. */
const ALONE_REJOIN_MS = 400;

/**
 * Runs until it is told to stop.
 * @returns the exit code.
 * @throws {PushpinError} where it cannot start as it is configured.
 */
export async function runPushpin(effective: EffectiveSettings, options: StartOptions): Promise<number> {
  const scrubbed = scrubEnvironment();
  const { runner } = effective.settings;
  const orphaned = Promise.withResolvers<void>();
  const child = options.role === "runner" ? undefined : guardChild(() => orphaned.resolve());
  const writer = createLogWriter({
    levels: runner.log_level,
    format: runner.log_format,
    // The runner writes the file for its children.
    file: child === undefined && runner.log_file !== "" ? runner.log_file : undefined,
  });
  const service = options.role === "runner" && runner.single_process ? "proxy" : options.role;
  const log = writer.log(service, child?.slot.label ?? (runner.single_process ? undefined : options.role));
  using _guard = guardProcess(log);
  if (child === undefined) {
    for (const problem of options.warnings) log.warn(formatProblem(problem));
    for (const name of scrubbed) log.warn("environment variable ignored: settings say where to go", { name });
  }
  try {
    if (options.role === "runner" && !runner.single_process) {
      return await runRunner({ effective, reload: options.reload, writer, command: childCommand(Deno.args) });
    }
    const part = await startPart(options.role, effective, writer, child);
    return await live(part, effective, options, { writer, log, child, orphaned: orphaned.promise });
  } catch (thrown) {
    if (child === undefined) throw thrown;
    log.error("cannot start", { reason: describeError(thrown) });
    return child.cannotStart(thrown);
  } finally {
    child?.[Symbol.dispose]();
    await writer.flush();
  }
}

async function live(
  part: Part,
  effective: EffectiveSettings,
  options: StartOptions,
  process: {
    readonly writer: LogWriter;
    readonly log: Log;
    readonly child: ChildGuard | undefined;
    readonly orphaned: Promise<void>;
  },
): Promise<number> {
  const { writer, log, child, orphaned } = process;
  let current = effective;
  await using _part = part;
  if (child === undefined) log.info("started");
  else child.ready();
  return await untilStopped({
    log,
    interruptible: child === undefined,
    orphaned,
    drain: () => part.drain(current.settings.runner.drain),
    reload: async () => {
      if (child === undefined) writer.reopen();
      const { effective: next, problems, failed } = options.reload();
      // A runner says for its children what it finds.
      if (child === undefined) {
        for (const problem of problems) {
          log[problem.severity === "error" ? "error" : "warn"](formatProblem(problem));
        }
      }
      if (failed) return log.error("the configuration has errors: nothing was changed");
      const { live, restart } = compareSettings(current.settings, next.settings);
      if (child === undefined) {
        log.info("reloading", { changed: live.join(",") || undefined });
        if (restart.length > 0) {
          log.warn("changed settings that need a restart", { settings: restart.join(",") });
        }
      }
      current = next;
      writer.setLevels(next.settings.runner.log_level);
      await part.configure(next.settings);
    },
  });
}

function startPart(
  role: Role,
  effective: EffectiveSettings,
  writer: LogWriter,
  child: ChildGuard | undefined,
): Promise<Part> {
  const log = (service: string) => writer.log(service, child?.slot.label);
  switch (role) {
    case "proxy":
      return proxyPart(effective, log("proxy"), child);
    case "handler":
      return handlerPart(effective, log("handler"), child);
    case "runner":
      return wholePart(effective, log);
  }
}

async function proxyPart(
  effective: EffectiveSettings,
  log: Log,
  child: ChildGuard | undefined,
): Promise<Part> {
  const { global } = effective.settings;
  const name = child?.slot.label.replaceAll(" ", "-") ?? `proxy-${Deno.pid}`;
  const proxy = await startProxy(effective, log, {
    name,
    proxies: Math.max(1, child?.slot.proxies ?? 1),
  });
  const connector = new LinkConnector({
    address: linkAddress(global),
    name,
    secret: global.link_secret || undefined,
    log,
    onConnected: (end) => proxy.hub.attach(end),
  });
  return {
    configure: (settings) => proxy.configure(settings),
    drain: (seconds) => proxy.drain(seconds),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await connector[Symbol.asyncDispose]();
    },
  };
}

async function handlerPart(
  effective: EffectiveSettings,
  log: Log,
  child: ChildGuard | undefined,
): Promise<Part> {
  const { global } = effective.settings;
  // Proxies first: a publish that comes before they have joined would reach nobody.
  const handler = await startHandler(effective, log, async (core) => {
    const listener = await LinkListener.listen({
      address: linkAddress(global),
      name: child?.slot.label ?? "handler",
      secret: global.link_secret || undefined,
      log,
      onConnected: (end) => core.attach(end),
    });
    // Whoever runs a handler alone may run any number of proxies: there we wait for as long as they may take.
    await listener.joined(child?.slot.proxies ?? Infinity, child === undefined ? ALONE_REJOIN_MS : REJOIN_MS);
    // An answer comes behind the announcement: from here on everyone's interest is known.
    await core.conncheck(["announced?"]);
    return listener;
  });
  return {
    configure: (settings) => handler.configure(settings),
    drain: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => handler[Symbol.asyncDispose](),
  };
}

/** Everything in one process, over a link in memory. */
async function wholePart(effective: EffectiveSettings, log: (service: string) => Log): Promise<Part> {
  const handler = await startHandler(effective, log("handler"));
  const proxy = await startProxy(effective, log("proxy"), { name: "proxy-1", proxies: 1 });
  const [proxyEnd, handlerEnd] = createMemoryLink<UpMessage, DownMessage>({
    weigh: (message) => message.type === "item" ? contentBytes(message.item) : 0,
  });
  handler.handler.attach(handlerEnd);
  proxy.hub.attach(proxyEnd);
  return {
    async configure(settings) {
      handler.configure(settings);
      await proxy.configure(settings);
    },
    drain: (seconds) => proxy.drain(seconds),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await proxyEnd[Symbol.asyncDispose]();
      await handler[Symbol.asyncDispose]();
    },
  };
}
