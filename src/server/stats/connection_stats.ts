/** The connections of a proxy in statistics: conn packets and their refreshes, and what reports count of them. */
import { routeField, type StatsPacket, type StatsTimers } from "./packet.ts";
import { Refreshes } from "./refreshes.ts";
import type { TrafficCounts } from "./traffic.ts";

/** A client that waits. */
export interface Connection {
  /** `<proxy>:<n>`. */
  readonly id: string;
  readonly type: "http" | "ws";
  readonly route: string | undefined;
  /** Spec 1.6. */
  readonly peerAddress: string | undefined;
  readonly ssl: boolean;
}

export interface ConnectionStatsOptions {
  readonly timers: StatsTimers;
  readonly now: () => number;
  readonly ttlSeconds: number;
  readonly tell: (packet: StatsPacket) => void;
  readonly traffic: TrafficCounts;
  /** All that are there now, for a listener that comes late. */
  readonly connections: () => Iterable<Connection>;
}

/** Connections that were there before anybody asked are told at this pace. */
const RECALL_STEP_MS = 0.5;
const MINUTE_MS = 60_000;

export class ConnectionStats {
  readonly #options: ConnectionStatsOptions;
  readonly #known = new Map<string, Connection>();
  /** Told in conn packets, by id. */
  readonly #told: Refreshes;
  /** Counted for reports. */
  readonly #minutes: Refreshes;
  #tells = false;
  #counts = false;

  constructor(options: ConnectionStatsOptions) {
    this.#options = options;
    const { timers, now, traffic } = options;
    this.#told = new Refreshes({
      timers,
      now,
      periodMs: this.#refreshMs,
      refresh: (id) => this.#tell(id),
    });
    this.#minutes = new Refreshes({
      timers,
      now,
      periodMs: MINUTE_MS,
      refresh: (id) => traffic.add(this.#known.get(id)?.route, "minutes"),
    });
  }

  /** Whether conn packets are wanted, and whether reports are. */
  want(conn: boolean, report: boolean): void {
    const tells = conn && !this.#tells;
    const counts = report && !this.#counts;
    this.#tells = conn;
    this.#counts = report;
    if (!conn) this.#told.clear();
    if (!report) this.#minutes.clear();
    if (!conn && !report) this.#known.clear();
    if (tells || counts) this.#recall(tells, counts);
  }

  connected(connection: Connection): void {
    if (!this.#tells && !this.#counts) return;
    const { id, route } = connection;
    this.#known.set(id, connection);
    if (this.#counts) {
      this.#options.traffic.connected(route);
      // Its first minute was counted with its request.
      this.#minutes.add(id);
    }
    if (this.#tells) {
      this.#told.add(id);
      this.#tell(id);
    }
  }

  disconnected(id: string): void {
    const connection = this.#known.get(id);
    if (connection === undefined) return;
    this.#known.delete(id);
    if (this.#minutes.delete(id)) this.#options.traffic.disconnected(connection.route);
    if (this.#told.delete(id)) this.#options.tell({ type: "conn", fields: { id, unavailable: true } });
  }

  get #refreshMs(): number {
    return this.#options.ttlSeconds * 750;
  }

  #recall(tells: boolean, counts: boolean): void {
    const all = [...this.#options.connections()];
    const stepMs = Math.min(RECALL_STEP_MS, this.#refreshMs / Math.max(1, all.length));
    for (const [i, connection] of all.entries()) {
      this.#known.set(connection.id, connection);
      if (tells) this.#told.add(connection.id, i * stepMs);
      if (counts) {
        this.#options.traffic.connected(connection.route);
        this.#minutes.add(connection.id);
      }
    }
  }

  #tell(id: string): void {
    const connection = this.#known.get(id);
    if (connection === undefined) return;
    const { type, route, peerAddress, ssl } = connection;
    this.#options.tell({
      type: "conn",
      fields: {
        id,
        type,
        ...(peerAddress !== undefined && { "peer-address": peerAddress }),
        ...(ssl && { ssl }),
        ttl: this.#options.ttlSeconds,
        ...routeField(route),
      },
    });
  }
}
