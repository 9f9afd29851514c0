/** What a hub is told from outside. */
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import type { SubscriptionMode } from "../link/messages.ts";

/**
 * Told whenever a channel's subscribers of a mode change: stats' `sub` packets. `subscribers` is undefined when the
 * subscription has ended, its linger included.
 */
export type SubscriptionWatch = (
  mode: SubscriptionMode,
  channel: string,
  subscribers: number | undefined,
) => void;

export interface HubLimits {
  /** How long a channel outlives its last long-poll, default 60. */
  readonly lingerSeconds?: number;
  /** As the handler's: an item that it passed on before it died may come again from a publisher who got no answer. */
  readonly idCacheTtlSeconds?: number;
  /** Deliveries a second, for all sessions together; 0 (default) for no limit. */
  readonly messageRate?: number;
  /** Deliveries that may wait for each route; 0 (default) for no limit. */
  readonly messageHwm?: number;
  /** Bytes that weigh as one delivery; undefined weighs all the same. */
  readonly messageBlockSize?: number;
}

export interface HubOptions extends HubLimits {
  readonly log: Log;
  readonly metrics: Metrics;
}
