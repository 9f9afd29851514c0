/**
 * Keeps children alive: starts each slot's process, starts it again when it ends, kills it when it hangs. One slot's
 * trouble is no other's. It knows processes and their notes, nothing of what they do.
 */
import { describeError, PushpinError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { type ChildCommand, ChildProcess } from "./child_process.ts";
import { type ChildNote, type ChildSlot, EXIT_CANNOT_START } from "./child_protocol.ts";
import { DEFAULT_RESTART_POLICY, restartDelayMs, type RestartPolicy } from "./restart_policy.ts";

export interface SupervisorOptions {
  readonly slots: readonly ChildSlot[];
  readonly command: ChildCommand;
  /** 0 for no watchdog. */
  readonly watchdogMs: number;
  readonly log: Log;
  /** Lines of a child's own log, to be merged. */
  readonly onLine: (line: string) => void;
  /** Every slot is ready; called once. */
  readonly onReady: () => void;
  /** A child cannot start as things are configured, and never has: no use in going on. Called once. */
  readonly onHopeless: (error: PushpinError) => void;
  readonly policy?: RestartPolicy;
}

/**
 * What a slot is doing.
 *
 * - `starting`: a process is there. Next: ready, waiting.
 * - `ready`: every listener of it answers. Next: waiting.
 * - `waiting`: for its next start. Next: starting.
 * - `stopped`: for good.
 */
type SlotState = "starting" | "ready" | "waiting" | "stopped";

/** A child that has not shown any life since its start; loading the program on a busy machine takes its time. */
const START_LIMIT_MS = 60_000;

class Slot {
  readonly slot: ChildSlot;
  state: SlotState = "waiting";
  process: ChildProcess | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Ends in a row; set back after a stable while. */
  failures = 0;
  /** Starts after the first one. */
  restarts = 0;
  wasEverReady = false;
  readySince = 0;
  lastBeat = 0;
  /** Before its first heartbeat a child may take longer. */
  hasBeaten = false;
  fatal: string | undefined;
  /** A SIGHUP that came while it could not take one. */
  owesReload = false;
  ended = Promise.resolve();

  constructor(slot: ChildSlot) {
    this.slot = slot;
  }
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #policy: RestartPolicy;
  readonly #slots: readonly Slot[];
  #watchdogMs: number;
  readonly #watch: ReturnType<typeof setInterval>;
  #lastLook = performance.now();
  #allReady = false;
  /** No child is started any more: whoever ends now has ended. */
  #ending = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#policy = options.policy ?? DEFAULT_RESTART_POLICY;
    this.#watchdogMs = options.watchdogMs;
    this.#slots = options.slots.map((slot) => new Slot(slot));
    this.#watch = setInterval(() => this.#look(), LOOK_MS);
  }

  start(): void {
    for (const slot of this.#slots) this.#start(slot);
  }

  set watchdogMs(ms: number) {
    this.#watchdogMs = ms;
  }

  /** For the log and for tests. */
  pids(): readonly { readonly label: string; readonly pid: number | undefined; readonly restarts: number }[] {
    return this.#slots.map(({ slot, process, restarts }) => ({
      label: slot.label,
      pid: process?.pid,
      restarts,
    }));
  }

  /** Passes SIGHUP on; a child that is starting would die of it, and gets it when it is ready. */
  reload(): void {
    for (const slot of this.#slots) {
      if (slot.state === "ready") slot.process?.signal("SIGHUP");
      else slot.owesReload = true;
    }
  }

  /** Ends the children of a role: SIGTERM, and SIGKILL for those that are still there after `graceMs`. */
  async stop(role: ChildSlot["role"], graceMs: number): Promise<void> {
    this.#ending = true;
    for (const slot of this.#slots) clearTimeout(slot.timer);
    const slots = this.#slots.filter(({ slot }) => slot.role === role);
    for (const slot of slots) this.#retire(slot, "SIGTERM");
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, graceMs));
    const ended = Promise.all(slots.map(({ ended }) => ended));
    await Promise.race([ended, late]);
    clearTimeout(timer);
    for (const { process, slot } of slots) {
      if (process === undefined) continue;
      this.#options.log.warn("did not end in time, killed", { child: slot.label, graceMs });
      process.signal("SIGKILL");
    }
    await ended;
  }

  /** Cuts everything, now. */
  async kill(): Promise<void> {
    this.#ending = true;
    for (const slot of this.#slots) this.#retire(slot, "SIGKILL");
    await Promise.all(this.#slots.map(({ ended }) => ended));
  }

  /** After the last `stop` or `kill`. */
  [Symbol.dispose](): void {
    clearInterval(this.#watch);
  }

  #start(slot: Slot): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    slot.state = "starting";
    slot.hasBeaten = false;
    slot.fatal = undefined;
    slot.lastBeat = performance.now();
    try {
      const process = new ChildProcess(this.#options.command(slot.slot), slot.slot, {
        onNote: (note) => this.#onNote(slot, note),
        onLine: this.#options.onLine,
        onStray: (text) => this.#options.log.warn("child said", { child: slot.slot.label, text }),
        onExit: (status) => {
          resolve();
          this.#onExit(slot, status);
        },
      });
      slot.process = process;
      slot.ended = promise;
      this.#options.log.debug("child started", { child: slot.slot.label, pid: process.pid });
    } catch (error) {
      this.#options.log.error("cannot start child", { child: slot.slot.label, reason: describeError(error) });
      this.#startLater(slot);
    }
  }

  #onNote(slot: Slot, note: ChildNote): void {
    slot.lastBeat = performance.now();
    slot.hasBeaten = true;
    if (note.type === "fatal") slot.fatal = note.message;
    if (note.type !== "ready" || slot.state !== "starting") return;
    slot.state = "ready";
    slot.wasEverReady = true;
    slot.readySince = performance.now();
    if (slot.restarts > 0) {
      this.#options.log.info("child is back", {
        child: slot.slot.label,
        pid: slot.process?.pid,
        restarts: slot.restarts,
      });
    }
    if (slot.owesReload) slot.process?.signal("SIGHUP");
    slot.owesReload = false;
    if (!this.#allReady && this.#slots.every(({ state }) => state === "ready")) {
      this.#allReady = true;
      this.#options.onReady();
    }
  }

  #onExit(slot: Slot, status: Deno.CommandStatus): void {
    const { label } = slot.slot;
    const wasReadyMs = slot.state === "ready" ? performance.now() - slot.readySince : 0;
    slot.process = undefined;
    if (slot.state === "stopped") return;
    if (this.#ending) {
      // Told to stop by somebody else as well, as a service manager does to all processes at once.
      slot.state = "stopped";
      return;
    }
    if (status.code === EXIT_CANNOT_START && !slot.wasEverReady) {
      this.#ending = true;
      slot.state = "stopped";
      const message = slot.fatal ?? `Cannot start ${label}: it said no reason`;
      this.#options.onHopeless(new PushpinError("PUSHPIN_CONFIG_INVALID", message));
      return;
    }
    if (wasReadyMs >= this.#policy.stableMs) slot.failures = 0;
    this.#options.log.error("child ended", {
      child: label,
      code: status.code,
      signal: status.signal ?? undefined,
      reason: slot.fatal,
    });
    this.#startLater(slot);
  }

  #startLater(slot: Slot): void {
    slot.failures++;
    slot.restarts++;
    slot.state = "waiting";
    const delayMs = restartDelayMs(slot.failures, this.#policy);
    this.#options.log.warn("child starts again", {
      child: slot.slot.label,
      restarts: slot.restarts,
      delayMs,
    });
    if (delayMs === 0) this.#start(slot);
    else slot.timer = setTimeout(() => this.#start(slot), delayMs);
  }

  /** From now on its end is no reason to start it again. */
  #retire(slot: Slot, signal: Deno.Signal): void {
    slot.state = "stopped";
    clearTimeout(slot.timer);
    slot.process?.signal(signal);
    // A stopped process would take SIGTERM only when somebody continues it.
    if (signal === "SIGTERM") slot.process?.signal("SIGCONT");
  }

  #look(): void {
    const now = performance.now();
    const gap = now - this.#lastLook;
    this.#lastLook = now;
    if (gap > LOOK_MS * 4) {
      // We were stopped or starved ourselves: what the children said meanwhile is still to be read.
      for (const slot of this.#slots) slot.lastBeat = now;
      return;
    }
    if (this.#watchdogMs === 0) return;
    for (const slot of this.#slots) {
      if (slot.process === undefined || slot.state === "stopped") continue;
      const limitMs = slot.hasBeaten
        ? Math.max(this.#watchdogMs, slot.slot.beatMs * 3)
        : Math.max(this.#watchdogMs, START_LIMIT_MS);
      const silentMs = now - slot.lastBeat;
      if (silentMs <= limitMs) continue;
      this.#options.log.error("child hangs, killed", {
        child: slot.slot.label,
        pid: slot.process.pid,
        silentMs: Math.round(silentMs),
      });
      slot.lastBeat = now;
      slot.process.signal("SIGKILL");
    }
  }
}

const LOOK_MS = 100;
