/** What all held sessions of a proxy share: one object, whatever their number. */
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import type { Hub } from "../hub/hub.ts";
import type { ProxyStats } from "../stats/proxy_stats.ts";
import type { Gathering } from "./gathering.ts";
import type { NextLinkFetcher } from "./next_link_fetch.ts";
import type { UpdateScheduler } from "./updates.ts";

/** Takes what the listener sends. */
export type Give = (response: Response) => void;

export interface HoldSettings {
  /** Unread bytes at which a client is cut, default 1 MiB. */
  readonly clientQueueBytes: number;
  /** Channels a connection may have, default 20 (spec 2.9). */
  readonly connectionSubscriptionMax: number;
  /** Clients are told what went wrong (spec 1.11). */
  readonly debug: boolean;
}

export interface HoldSurroundings {
  readonly hub: Pick<Hub, "subscribe" | "unsubscribe" | "forgetLastId" | "timers">;
  readonly updates: UpdateScheduler;
  readonly links: NextLinkFetcher;
  readonly gathering: Gathering;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly stats?: ProxyStats | undefined;
  /** Asked for every new hold, so that a reload counts. */
  readonly settings: () => HoldSettings;
  /** A session has nothing more to do. */
  readonly ended: (id: string) => void;
}
