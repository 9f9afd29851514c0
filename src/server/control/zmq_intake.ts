/**
 * The way of a batch of ZeroMQ messages into the one `ingest`: what can be read goes in together and in order, the rest
 * is said and counted.
 */
import { describeError, PushpinError } from "../../errors.ts";
import type { PublishItem } from "../../grip/publish_item.ts";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import type { ZmqOptions, ZmtpMessage } from "../zmq/mod.ts";
import type { Ingest } from "./ingest.ts";

/** What every ZeroMQ door is given. */
export interface ZmqDoorOptions {
  readonly ingest: Ingest;
  readonly log: Log;
  readonly metrics: Metrics;
  /** As configured; ports already moved. */
  readonly specs: readonly string[];
  /** Mode of ipc socket files. */
  readonly ipcFileMode?: number;
  /** Of one message; more ends the publisher's connection. Default 64 MiB. */
  readonly maxMessageBytes?: number;
}

/**
 * How many messages are read and handed on together: enough to make a turn cheap, short enough to leave turns for
 * others.
 */
export const INTAKE_BATCH = 256;

/**
 * A peer that is silent for this long is asked; one that does not answer is given up and, where we connect, connected
 * anew.
 */
const HEARTBEAT_MS = 30_000;

/** What the socket of a door is made with. */
export function doorSocketOptions(name: string, options: ZmqDoorOptions): ZmqOptions {
  const { log, ipcFileMode, maxMessageBytes } = options;
  return {
    log,
    name,
    heartbeatMs: HEARTBEAT_MS,
    ...(ipcFileMode !== undefined && { ipcFileMode }),
    ...(maxMessageBytes !== undefined && {
      limits: { maxFrameBytes: maxMessageBytes, maxMessageBytes },
    }),
  };
}

/** Takes batches until `next` says undefined. Never rejects: a batch that fails is said and the next one is taken. */
export async function takeIn(
  door: string,
  next: () => Promise<readonly ZmtpMessage[] | undefined>,
  read: (message: ZmtpMessage) => PublishItem,
  options: Pick<ZmqDoorOptions, "ingest" | "log" | "metrics">,
): Promise<void> {
  const { ingest, log, metrics } = options;
  for (let batch = await next(); batch !== undefined; batch = await next()) {
    const items: PublishItem[] = [];
    for (const message of batch) {
      try {
        items.push(read(message));
      } catch (thrown) {
        if (!(thrown instanceof PushpinError)) {
          log.error("publish item failed", { door, reason: describeError(thrown) });
        } else log.warn("invalid publish item", { door, reason: thrown.message });
        metrics.add("items_dropped", "invalid");
      }
    }
    try {
      // Awaited: while the proxies cannot take more, the publishers' queues fill and not ours.
      if (items.length > 0) await ingest.ingest(items);
    } catch (thrown) {
      log.error("publish failed", { door, items: items.length, reason: describeError(thrown) });
    }
  }
}
