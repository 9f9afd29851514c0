/** The composition root: placeholder until the rooms are put together here. */
import type { EffectiveSettings, LoadedSettings, Problem } from "./config.ts";
import type { Role } from "./cli.ts";
import { PushpinError } from "./errors.ts";

export interface StartOptions {
  readonly role: Role;
  /** To be logged once the log is there. */
  readonly warnings: readonly Problem[];
  /** Reads every source again, for SIGHUP. */
  readonly reload: () => LoadedSettings;
}

/** Runs until it is told to stop. @returns the exit code. */
export function runPushpin(_settings: EffectiveSettings, options: StartOptions): Promise<number> {
  return Promise.reject(
    new PushpinError("PUSHPIN_USAGE", `Cannot run the ${options.role}: the server is not put together yet`),
  );
}
