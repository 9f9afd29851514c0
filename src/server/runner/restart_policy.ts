/** When a child that ended is started again: at once, then ever later, then at once again after a good while. Pure. */

export interface RestartPolicy {
  readonly firstMs: number;
  readonly maxMs: number;
  /** A child that was ready for so long starts the count anew. */
  readonly stableMs: number;
}

export const DEFAULT_RESTART_POLICY: RestartPolicy = { firstMs: 250, maxMs: 10_000, stableMs: 10_000 };

/** How long to wait before the start after `failures` ends in a row (1 for the first). */
export function restartDelayMs(failures: number, policy: RestartPolicy = DEFAULT_RESTART_POLICY): number {
  if (failures <= 1) return 0;
  return Math.min(policy.maxMs, policy.firstMs * 2 ** (failures - 2));
}

/** Proxies for a setting of `workers`: 0 is one a core, at most 8; one where processes cannot share a port. */
export function workerCount(workers: number, cores: number, os: typeof Deno.build.os): number {
  // Elsewhere SO_REUSEPORT is missing or gives every connection to one of the sockets.
  if (os !== "linux") return 1;
  return workers > 0 ? workers : Math.min(8, Math.max(1, cores));
}
