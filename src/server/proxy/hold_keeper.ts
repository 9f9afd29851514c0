/** Keeps the clients that wait: makes a session of each answer that holds, knows them all, and can send them home. */
import { describeError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import type { Hub } from "../hub/hub.ts";
import type { Connection } from "../stats/connection_stats.ts";
import type { ProxyStats } from "../stats/proxy_stats.ts";
import type { Answer, Asker, HoldKeeper, ProxyRequest } from "./asking.ts";
import { clientResponse } from "./client_response.ts";
import { type AtTurnEnd, Gathering } from "./gathering.ts";
import { HttpSession } from "./http_session.ts";
import type { HoldSettings, HoldSurroundings } from "./hold_surroundings.ts";
import { MemoryReturn } from "./memory_return.ts";
import { NextLinkFetcher } from "./next_link_fetch.ts";
import { internalError } from "./refusals.ts";
import { UpdateScheduler } from "./updates.ts";

export interface HoldKeeperOptions {
  readonly hub: Hub;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly stats?: ProxyStats;
  /** Asked for every new hold, so that a reload counts. */
  readonly settings: () => HoldSettings;
  /** For worlds with a clock of their own. */
  readonly atTurnEnd?: AtTurnEnd;
}

export class SessionKeeper implements HoldKeeper {
  readonly #around: HoldSurroundings;
  readonly #sessions = new Map<string, HttpSession>();
  readonly #memory: MemoryReturn;
  #draining = false;
  #emptied: (() => void) | undefined;

  constructor(options: HoldKeeperOptions) {
    this.#memory = new MemoryReturn({ timers: options.hub.timers, log: options.log });
    this.#around = {
      ...options,
      updates: new UpdateScheduler(
        options.hub.timers,
        (thrown) => options.log.error("update failed", { reason: describeError(thrown) }),
      ),
      links: new NextLinkFetcher(),
      gathering: new Gathering(options.atTurnEnd),
      ended: (id) => this.#ended(id),
    };
  }

  /** Clients that wait: held, or asking their origin again. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Those of `ids` that wait here (spec 3.5). */
  connected(ids: readonly string[]): readonly string[] {
    return ids.filter((id) => this.#sessions.has(id));
  }

  /** All that wait here, as statistics tell of them. */
  *connections(): Iterable<Connection> {
    for (const { request } of this.#sessions.values()) yield connectionOf(request);
  }

  keep(
    request: ProxyRequest,
    answer: Answer & { readonly kind: "instruct" },
    asker: Asker,
  ): Promise<Response> {
    const { log, stats } = this.#around;
    const { promise, resolve } = Promise.withResolvers<Response>();
    const session = new HttpSession(request, asker, this.#around, resolve);
    this.#sessions.set(request.id, session);
    this.#memory.counted(this.#sessions.size);
    try {
      session.begin(answer);
      if (this.#draining) session.drain();
    } catch (thrown) {
      session.failed(thrown);
      this.#ended(request.id);
      const { head, body } = internalError();
      return Promise.resolve(
        clientResponse(head, body, { method: request.client.method, log, id: request.id }),
      );
    }
    if (stats?.active === true && this.#sessions.has(request.id)) stats.connected(connectionOf(request));
    return promise;
  }

  /**
   * Sends everyone home, evenly over `seconds`: long-polls with what their timeout would bring, streams with a clean end.
   * Resolves when nobody waits any more, or when a body that is passed on has not ended a second after that time.
   */
  drain(seconds: number): Promise<void> {
    const { timers } = this.#around.hub;
    this.#draining = true;
    const leaving = [...this.#sessions.values()];
    const { promise, resolve } = Promise.withResolvers<void>();
    const giveUp = timers.set(seconds * 1000 + 1000, resolve);
    this.#emptied = () => {
      timers.clear(giveUp);
      resolve();
    };
    // A time for each, rather than steps of several: steps would each wait for the wheel's next tick and come late.
    for (const [i, session] of leaving.entries()) {
      timers.set(seconds * 1000 * i / leaving.length, () => session.drain());
    }
    if (this.#sessions.size === 0) this.#emptied();
    return promise;
  }

  #ended(id: string): void {
    if (!this.#sessions.delete(id)) return;
    this.#memory.counted(this.#sessions.size);
    this.#around.stats?.disconnected(id);
    if (this.#sessions.size === 0) this.#emptied?.();
  }
}

function connectionOf({ id, route, peerAddress, uri }: ProxyRequest): Connection {
  return { id, type: "http", route: route.id, peerAddress, ssl: uri.startsWith("https:") };
}
