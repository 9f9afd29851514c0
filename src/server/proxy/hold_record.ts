/** What a session's holds leave behind in log and metrics. */
import type { HeldChannel } from "../../grip/held_channel.ts";
import type { EndReason, ItemVerdict } from "../../grip/session_port.ts";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import type { ProxyRequest } from "./asking.ts";

export type HoldMode = "response" | "stream";

export class HoldRecord {
  readonly #request: ProxyRequest;
  readonly #log: Log;
  readonly #metrics: Metrics;

  constructor(request: ProxyRequest, log: Log, metrics: Metrics) {
    this.#request = request;
    this.#log = log;
    this.#metrics = metrics;
  }

  started(mode: HoldMode): void {
    this.#metrics.add("holds", mode);
  }

  ended(mode: HoldMode, reason: EndReason): void {
    this.#metrics.add("holds", mode, -1);
    this.#metrics.add("holds_ended", reason);
    const { id, uri, route } = this.#request;
    const fields = { connection: id, reason, uri, route: route.id };
    if (reason === "slow-client") this.#log.warn("hold ended", fields);
    else this.#log.debug("hold ended", fields);
  }

  dropped(channel: HeldChannel, reason: ItemVerdict, detail: string | undefined): void {
    this.#metrics.add("hold_items_dropped", reason);
    const fields = { channel: channel.name, connection: this.#request.id, reason, detail };
    if (reason === "content-filters") this.#log.debug("item not delivered", fields);
    else this.#log.warn("item not delivered", fields);
  }

  note(message: string): void {
    this.#log.debug(message, { connection: this.#request.id, uri: this.#request.uri });
  }
}
