/**
 * The runner: owns the processes and nothing else. Starts a proxy for each worker and the handler, keeps them alive,
 * merges their logs, passes reloads on, drains them at the end. It parses no traffic, so it has no reason to die; if it
 * is killed nevertheless, its children see their standard input end and go with it.
 */
import { compareSettings, type EffectiveSettings, formatProblem, type LoadedSettings } from "../../config.ts";
import { describeError, PushpinError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { LogWriter } from "../log_writer.ts";
import { childArguments } from "./child_arguments.ts";
import type { ChildCommand } from "./child_process.ts";
import type { ChildSlot } from "./child_protocol.ts";
import { type RestartPolicy, workerCount } from "./restart_policy.ts";
import { processSignals, type SignalSource } from "./signals.ts";
import { Supervisor } from "./supervisor.ts";

export interface RunnerOptions {
  readonly effective: EffectiveSettings;
  /** Reads every source of settings again, on SIGHUP. */
  readonly reload: () => LoadedSettings;
  /** The process's log, where the children's lines go too. */
  readonly writer: LogWriter;
  readonly command: ChildCommand;
  /** In tests, in place of the process's signals. */
  readonly signals?: SignalSource;
  readonly policy?: RestartPolicy;
}

/** A drained proxy needs a moment beyond the drain to write its last bytes and end. */
const DRAIN_GRACE_MS = 3000;
const HANDLER_GRACE_MS = 2000;

/**
 * How children are started: this executable when it is compiled, else `deno run` of the main module.
 * @param argv the runner's own arguments; those that a role knows are passed on.
 */
export function childCommand(argv: readonly string[]): ChildCommand {
  const program: readonly string[] = Deno.build.standalone
    ? []
    : ["run", "--quiet", "--no-prompt", "-A", Deno.mainModule];
  return (slot) => [Deno.execPath(), ...program, slot.role, ...childArguments(argv, slot.role)];
}

/**
 * Runs until it is told to stop.
 * @returns the exit code: 0 after a drain, 128 and the signal's number where a second signal cut it.
 * @throws {PushpinError} a child's own words, where it cannot start as it is configured.
 */
export async function runRunner(options: RunnerOptions): Promise<number> {
  checkPortsFree(options.effective);
  const runner = new Runner(options);
  return await runner.run();
}

class Runner {
  readonly #options: RunnerOptions;
  readonly #log: Log;
  readonly #supervisor: Supervisor;
  readonly #outcome = Promise.withResolvers<number>();
  #effective: EffectiveSettings;
  #stopping = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#effective = options.effective;
    this.#log = options.writer.log("runner", "runner");
    const { runner } = options.effective.settings;
    this.#supervisor = new Supervisor({
      slots: slotsOf(options.effective),
      command: options.command,
      watchdogMs: runner.watchdog * 1000,
      log: this.#log,
      policy: options.policy,
      onLine: (line) => options.writer.line(line),
      // Whoever started us waits for a line on standard output that ends in this word.
      onReady: () => this.#log.info("started"),
      onHopeless: (error) => void this.#giveUp(error),
    });
  }

  async run(): Promise<number> {
    const source = this.#options.signals ?? processSignals;
    const stopListening = [
      source.listen("SIGTERM", () => void this.#stop("SIGTERM", 15)),
      source.listen("SIGINT", () => void this.#stop("SIGINT", 2)),
      source.listen("SIGHUP", () => this.#reload()),
    ];
    try {
      this.#log.info("starting", { services: this.#effective.settings.runner.services.join(",") });
      this.#supervisor.start();
      return await this.#outcome.promise;
    } finally {
      for (const stop of stopListening) stop();
      this.#supervisor[Symbol.dispose]();
      await this.#options.writer.flush();
    }
  }

  async #stop(signal: Deno.Signal, number: number): Promise<void> {
    if (this.#stopping) {
      this.#log.warn("stopping at once", { signal });
      await this.#supervisor.kill();
      this.#outcome.resolve(128 + number);
      return;
    }
    this.#stopping = true;
    const { drain } = this.#effective.settings.runner;
    this.#log.info("stopping", { signal, drain });
    // Proxies first: what is published while they let their clients go still reaches those that are left.
    await this.#supervisor.stop("proxy", drain * 1000 + DRAIN_GRACE_MS);
    await this.#supervisor.stop("handler", HANDLER_GRACE_MS);
    this.#log.info("stopped");
    this.#outcome.resolve(0);
  }

  async #giveUp(error: PushpinError): Promise<void> {
    this.#stopping = true;
    await this.#supervisor.kill();
    this.#outcome.reject(error);
  }

  #reload(): void {
    if (this.#stopping) return;
    try {
      this.#options.writer.reopen();
    } catch (error) {
      this.#log.error("cannot open the log file again, the old one stays", { reason: describeError(error) });
    }
    const { effective, problems, failed } = this.#options.reload();
    for (const problem of problems) {
      const text = formatProblem(problem);
      if (problem.severity === "error") this.#log.error(text);
      else this.#log.warn(text);
    }
    if (failed) {
      this.#log.error("the configuration has errors: nothing was changed");
      return;
    }
    const { live, restart } = compareSettings(this.#effective.settings, effective.settings);
    this.#effective = effective;
    this.#options.writer.setLevels(effective.settings.runner.log_level);
    this.#supervisor.watchdogMs = effective.settings.runner.watchdog * 1000;
    this.#log.info("reloading", { changed: live.join(",") || undefined });
    if (restart.length > 0) {
      this.#log.warn("changed settings that need a restart", { settings: restart.join(",") });
    }
    this.#supervisor.reload();
  }
}

/**
 * Proxies share their port with each other by SO_REUSEPORT, which would share it with a second program of the same user
 * as well, and half of the clients would be gone without a word. So the port must be nobody's before the first starts.
 *
 * @throws {PushpinError} `PUSHPIN_LISTEN_FAILED`, naming the address.
 */
function checkPortsFree({ settings }: EffectiveSettings): void {
  if (!settings.runner.services.includes("proxy")) return;
  for (const { address, port } of [...settings.runner.http_port, ...settings.runner.https_ports]) {
    const hostname = address ?? "0.0.0.0";
    try {
      Deno.listen({ hostname, port }).close();
    } catch (cause) {
      const what = cause instanceof Deno.errors.AddrInUse ? "address in use" : describeError(cause);
      throw new PushpinError(
        "PUSHPIN_LISTEN_FAILED",
        `Cannot listen on ${hostname}:${port}: ${what}: set http_port or stop the other process`,
        { cause },
      );
    }
  }
}

/** One slot a proxy worker, one for the handler, as `services` wants them. */
export function slotsOf({ settings }: EffectiveSettings): readonly ChildSlot[] {
  const { services, workers, watchdog } = settings.runner;
  const proxies = services.includes("proxy")
    ? workerCount(workers, navigator.hardwareConcurrency, Deno.build.os)
    : 0;
  // Several beats within the watchdog's time: one that is late is no hang.
  const beatMs = watchdog === 0 ? 1000 : Math.min(1000, Math.max(50, (watchdog * 1000) / 5));
  const slots: ChildSlot[] = [];
  // The proxies are started first: somebody may be waiting for the first answer, and the handler waits for them anyway.
  for (let index = 1; index <= proxies; index++) {
    slots.push({ role: "proxy", label: `proxy ${index}`, index, proxies, beatMs });
  }
  if (services.includes("handler")) {
    slots.push({ role: "handler", label: "handler", index: 1, proxies, beatMs });
  }
  return slots;
}
