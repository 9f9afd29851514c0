/** Traffic by route: counted in a proxy, added up in the handler, told in reports (spec 9.1). */
import {
  routeField,
  type RouteTraffic,
  type StatsPacket,
  TRAFFIC_COUNTERS,
  type TrafficCounter,
} from "./packet.ts";

type Counts = { [counter in TrafficCounter]?: number };

/** A process's own traffic since it was taken last. */
export class TrafficCounts {
  readonly #routes = new Map<string | undefined, {
    counts: Counts;
    connections: number;
    mostConnections: number;
    /** `connections` as told last. */
    told: number;
    /** Something was counted since. */
    news: boolean;
  }>();

  add(route: string | undefined, counter: TrafficCounter, by = 1): void {
    if (by === 0) return;
    const traffic = this.#of(route);
    traffic.counts[counter] = (traffic.counts[counter] ?? 0) + by;
    traffic.news = true;
  }

  connected(route: string | undefined): void {
    const traffic = this.#of(route);
    traffic.mostConnections = Math.max(traffic.mostConnections, ++traffic.connections);
  }

  disconnected(route: string | undefined): void {
    const traffic = this.#of(route);
    if (traffic.connections > 0) traffic.connections--;
  }

  /** Routes with news since the last call; a route that has none and no connections is forgotten. */
  take(): readonly RouteTraffic[] {
    const taken: RouteTraffic[] = [];
    for (const [route, traffic] of this.#routes) {
      const { counts, connections, mostConnections, told, news } = traffic;
      if (!news && connections === told && mostConnections === told) {
        if (connections === 0) this.#routes.delete(route);
        continue;
      }
      taken.push({ ...routeField(route), mostConnections, connections, counts });
      traffic.counts = {};
      traffic.mostConnections = traffic.told = connections;
      traffic.news = false;
    }
    return taken;
  }

  clear(): void {
    this.#routes.clear();
  }

  #of(route: string | undefined) {
    let traffic = this.#routes.get(route);
    if (traffic === undefined) {
      traffic = { counts: {}, connections: 0, mostConnections: 0, told: 0, news: false };
      this.#routes.set(route, traffic);
    }
    return traffic;
  }
}

interface Connections {
  most: number;
  now: number;
}

interface RouteSum {
  counts: Counts;
  /** By the process that they are connected to. */
  readonly connections: Map<object, Connections>;
  /** Its last report had something to say: the next one is sent even if it has not. */
  told: boolean;
}

/** The traffic of all processes, between two reports. */
export class TrafficSum {
  readonly #routes = new Map<string | undefined, RouteSum>();

  add(source: object, { route, mostConnections, connections, counts }: RouteTraffic): void {
    const sum = this.#of(route);
    for (const counter of TRAFFIC_COUNTERS) {
      const by = counts[counter];
      if (by !== undefined) sum.counts[counter] = (sum.counts[counter] ?? 0) + by;
    }
    const before = sum.connections.get(source)?.most ?? 0;
    sum.connections.set(source, { most: Math.max(before, mostConnections), now: connections });
  }

  count(counter: TrafficCounter, by: number): void {
    const sum = this.#of(undefined);
    sum.counts[counter] = (sum.counts[counter] ?? 0) + by;
  }

  /** A process has ended, and its connections with it. */
  gone(source: object): void {
    for (const { connections } of this.#routes.values()) {
      const there = connections.get(source);
      if (there !== undefined) there.now = 0;
    }
  }

  /**
   * The reports that are due, and begins anew. A route of which there is nothing to say gets one report that says so, and
   * then none. `withBlocks`: blocks are counted.
   */
  take(durationMs: number, withBlocks: boolean): readonly StatsPacket[] {
    const packets: StatsPacket[] = [];
    for (const [route, sum] of this.#routes) {
      let most = 0;
      for (const [source, connections] of sum.connections) {
        most += connections.most;
        connections.most = connections.now;
        if (connections.now === 0) sum.connections.delete(source);
      }
      const busy = most > 0 || Object.keys(sum.counts).length > 0;
      if (!busy && !sum.told) {
        this.#routes.delete(route);
        continue;
      }
      packets.push({
        type: "report",
        fields: reportFields(sum.counts, { route, most, durationMs, withBlocks }),
      });
      sum.counts = {};
      sum.told = busy;
    }
    return packets;
  }

  clear(): void {
    this.#routes.clear();
  }

  #of(route: string | undefined): RouteSum {
    let sum = this.#routes.get(route);
    if (sum === undefined) {
      sum = { counts: {}, connections: new Map(), told: false };
      this.#routes.set(route, sum);
    }
    return sum;
  }
}

function reportFields(
  counts: Counts,
  report: {
    readonly route: string | undefined;
    readonly most: number;
    readonly durationMs: number;
    readonly withBlocks: boolean;
  },
): StatsPacket["fields"] {
  const fields: Record<string, string | number> = {
    ...routeField(report.route),
    connections: report.most,
    duration: Math.round(report.durationMs),
  };
  for (const counter of TRAFFIC_COUNTERS) {
    if (report.withBlocks || !counter.startsWith("blocks-")) fields[counter] = counts[counter] ?? 0;
  }
  return fields;
}
