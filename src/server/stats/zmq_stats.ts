/**
 * The statistics socket (spec 9.1): a ZeroMQ PUB whose packets are `<type> ` and a tnetstring (`T…`) or JSON (`J…`), so that a
 * subscriber picks types by prefix. Nothing is encoded for nobody: `wants` says whether a type has a subscriber.
 */
import type { Log } from "../../log.ts";
import { encodeTnetstring } from "../wire/tnetstring.ts";
import { PubSocket } from "../zmq/mod.ts";

/** One packet: its type (`conn`, `sub`, …) and its fields, without `from`. */
export interface ZmqStatsPacket {
  readonly type: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

export interface ZmqStatsOptions {
  readonly log: Log;
  /** As configured; ports already moved. */
  readonly specs: readonly string[];
  /** `stats_format`; default tnetstring. */
  readonly format?: "tnetstring" | "json";
  /** The `from` of every packet, e.g. `handler_<pid>`. */
  readonly from: string;
  readonly ipcFileMode?: number;
  /** Told when the first subscriber has come and when the last has gone: nobody need collect anything in between. */
  readonly onWanted?: (wanted: boolean) => void;
}

export class ZmqStats implements AsyncDisposable {
  readonly #socket: PubSocket;
  readonly #from: string;
  readonly #encoder = new TextEncoder();
  /** Subscriptions as text; few. */
  readonly #topics = new Set<string>();
  #format: "tnetstring" | "json";
  #endpoints: readonly string[] = [];

  private constructor(options: ZmqStatsOptions) {
    this.#from = options.from;
    this.#format = options.format ?? "tnetstring";
    const decoder = new TextDecoder();
    this.#socket = new PubSocket({
      log: options.log,
      name: "stats",
      ...(options.ipcFileMode !== undefined && { ipcFileMode: options.ipcFileMode }),
      onSubscription: (topic, wanted) => {
        const before = this.#topics.size;
        if (wanted) this.#topics.add(decoder.decode(topic));
        else this.#topics.delete(decoder.decode(topic));
        if ((before > 0) !== (this.#topics.size > 0)) options.onWanted?.(wanted);
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
  wants(type?: string): boolean {
    if (type === undefined) return this.#topics.size > 0;
    const head = `${type} `;
    for (const topic of this.#topics) if (head.startsWith(topic) || topic.startsWith(head)) return true;
    return false;
  }

  /** Sends what somebody wants; never waits. */
  send(packets: readonly ZmqStatsPacket[]): void {
    if (this.#topics.size === 0) return;
    for (const packet of packets) if (this.wants(packet.type)) this.#socket.send([this.#encode(packet)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket.close();
  }

  #encode({ type, fields }: ZmqStatsPacket): Uint8Array {
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
