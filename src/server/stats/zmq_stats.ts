/**
 * The statistics socket (spec 9.1): a ZeroMQ PUB whose packets are `<type> ` and a tnetstring (`T…`) or JSON (`J…`), so
 * that a subscriber picks types by prefix. Nothing is encoded for nobody: `wants` says whether a type has a subscriber.
 */
import type { Log } from "../../log.ts";
import { encodeTnetstring } from "../wire/tnetstring.ts";
import { PubSocket } from "../zmq/mod.ts";
import { STATS_TYPES, type StatsPacket, type StatsType } from "./packet.ts";

/** Packets that wait for one subscriber; more are dropped for it. */
const SEND_HIGH_WATER = 25_000;

export interface ZmqStatsOptions {
  readonly log: Log;
  /** As configured; ports already moved. */
  readonly specs: readonly string[];
  /** `stats_format`; default tnetstring. */
  readonly format?: "tnetstring" | "json";
  /** The `from` of every packet, e.g. `handler_<pid>`. */
  readonly from: string;
  readonly ipcFileMode?: number;
  /** Told which types have subscribers, whenever that changes: nobody need collect anything else. */
  readonly onWanted?: (types: readonly StatsType[]) => void;
}

export class ZmqStats implements AsyncDisposable {
  readonly #socket: PubSocket;
  readonly #from: string;
  readonly #encoder = new TextEncoder();
  /** Subscriptions as text; few. */
  readonly #topics = new Set<string>();
  #wanted: ReadonlySet<StatsType> = new Set();
  #format: "tnetstring" | "json";
  #endpoints: readonly string[] = [];

  private constructor(options: ZmqStatsOptions) {
    this.#from = options.from;
    this.#format = options.format ?? "tnetstring";
    const decoder = new TextDecoder();
    this.#socket = new PubSocket({
      log: options.log,
      name: "stats",
      // Many connections that come at once are many packets at once, and a subscriber that reads gets all of them.
      sendHighWater: SEND_HIGH_WATER,
      ...(options.ipcFileMode !== undefined && { ipcFileMode: options.ipcFileMode }),
      onSubscription: (topic, wanted) => {
        const before = this.#wanted;
        if (wanted) this.#topics.add(decoder.decode(topic));
        else this.#topics.delete(decoder.decode(topic));
        this.#wanted = new Set(STATS_TYPES.filter((type) => this.#hasTopic(type)));
        if ([...before].join() !== [...this.#wanted].join()) options.onWanted?.([...this.#wanted]);
      },
    });
  }

  /** Binds all specs. @throws {PushpinError} `PUSHPIN_LISTEN_FAILED`, `PUSHPIN_CONFIG_INVALID`; then none is bound. */
  static async open(options: ZmqStatsOptions): Promise<ZmqStats> {
    const stats = new ZmqStats(options);
    try {
      const endpoints: string[] = [];
      for (const spec of options.specs) endpoints.push(await stats.#socket.bind(spec));
      stats.#endpoints = endpoints;
      return stats;
    } catch (thrown) {
      await stats.#socket.close();
      throw thrown;
    }
  }

  /** As bound, ports known. */
  get endpoints(): readonly string[] {
    return this.#endpoints;
  }

  /** Packets not sent because a subscriber was at its high-water mark. */
  get dropped(): number {
    return this.#socket.dropped;
  }

  /** The format of packets from now on. */
  set format(format: "tnetstring" | "json") {
    this.#format = format;
  }

  /** Whether a packet of this type, or of any, might go to somebody. */
  wants(type?: StatsType): boolean {
    return type === undefined ? this.#wanted.size > 0 : this.#wanted.has(type);
  }

  /** Sends what somebody wants; never waits. */
  send(packets: readonly StatsPacket[]): void {
    for (const packet of packets) if (this.wants(packet.type)) this.#socket.send([this.#encode(packet)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket.close();
  }

  #hasTopic(type: StatsType): boolean {
    const head = `${type} `;
    for (const topic of this.#topics) if (head.startsWith(topic) || topic.startsWith(head)) return true;
    return false;
  }

  #encode({ type, fields }: StatsPacket): Uint8Array {
    const whole = { from: this.#from, ...fields };
    if (this.#format === "json") return this.#encoder.encode(`${type} J${JSON.stringify(whole)}`);
    const body = encodeTnetstring(whole);
    const head = `${type} T`;
    const packet = new Uint8Array(head.length + body.length);
    this.#encoder.encodeInto(head, packet);
    packet.set(body, head.length);
    return packet;
  }
}
