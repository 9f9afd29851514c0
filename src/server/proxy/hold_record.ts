/** What a session's holds leave behind in log, metrics and statistics. */
import type { ResponseHead } from "../../grip/head.ts";
import type { HeldChannel } from "../../grip/held_channel.ts";
import type { EndReason, ItemVerdict, Sent } from "../../grip/session_port.ts";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import type { ProxyStats } from "../stats/proxy_stats.ts";
import type { ProxyRequest } from "./asking.ts";
import type { HoldSurroundings } from "./hold_surroundings.ts";

export type HoldMode = "response" | "stream";

export class HoldRecord {
  readonly #request: ProxyRequest;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #stats: ProxyStats | undefined;

  constructor(request: ProxyRequest, { log, metrics, stats }: HoldSurroundings) {
    this.#request = request;
    this.#log = log;
    this.#metrics = metrics;
    this.#stats = stats;
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

  /** The response's head goes out, with its body where that is whole. */
  answered({ reason, headers }: ResponseHead, body: Uint8Array | ReadableStream, of?: Sent): void {
    if (this.#stats?.active !== true) return;
    const { id } = this.#request.route;
    const bodyLength = body instanceof Uint8Array ? body.length : 0;
    this.#stats.answered(id, { reason, headers, bodyLength });
    if (typeof of === "object") this.#stats.sent(id, "http-response", of);
  }

  /** More of a body has been written. */
  wrote(bytes: Uint8Array, of?: Sent): void {
    if (this.#stats?.active !== true) return;
    const { id } = this.#request.route;
    this.#stats.wrote(id, bytes.length);
    if (of === "keep-alive") this.#stats.acted(id);
    else if (of !== undefined) this.#stats.sent(id, "http-stream", of);
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
