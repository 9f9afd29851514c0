/** A handler with all its ZeroMQ doors open and one proxy that listens. */
import type { PublishItem } from "../../src/grip/publish_item.ts";
import { Metrics } from "../../src/metrics.ts";
import { Handler } from "../../src/server/control/ingest.ts";
import { openZmqDoors, type ZmqDoors, type ZmqDoorSettings } from "../../src/server/control/zmq_doors.ts";
import type { LinkEnd } from "../../src/server/link/link.ts";
import { createMemoryLink } from "../../src/server/link/memory_link.ts";
import type { DownMessage, StatsPacket, UpMessage } from "../../src/server/link/messages.ts";
import { eventually } from "./wait.ts";
import { KeepingLog } from "./zmq_raw.ts";

const LOCAL = "tcp://127.0.0.1:0";

const SETTINGS: ZmqDoorSettings = {
  push_in_spec: LOCAL,
  push_in_sub_specs: [LOCAL],
  push_in_sub_connect: false,
  command_spec: LOCAL,
  stats_spec: LOCAL,
  stats_format: "tnetstring",
};

/** A handler with its doors and one proxy that listens to channels. */
export class House implements AsyncDisposable {
  readonly log = new KeepingLog();
  readonly metrics = new Metrics();
  readonly handler = new Handler({ log: this.log, metrics: this.metrics, updateOnFirstSubscription: false });
  readonly received: DownMessage[] = [];
  readonly #proxy: LinkEnd<UpMessage, DownMessage>;
  #doors: ZmqDoors | undefined;
  sendStats: ((packets: readonly StatsPacket[]) => void) | undefined;

  private constructor(readonly connections: readonly string[]) {
    const [mine, theirs] = createMemoryLink<UpMessage, DownMessage>();
    this.#proxy = mine;
    mine.receive((message) => {
      this.received.push(message);
      if (message.type === "conncheck") {
        const ids = message.ids.filter((id) => this.connections.includes(id));
        void mine.send({ type: "connections", ask: message.ask, ids });
      }
    });
    this.handler.attach(theirs);
  }

  static async open(
    settings: Partial<ZmqDoorSettings> = {},
    connections: readonly string[] = [],
  ): Promise<House> {
    const house = new House(connections);
    house.#doors = await openZmqDoors({
      settings: { ...SETTINGS, ...settings },
      ingest: house.handler,
      watchInterest: (watch) => house.handler.watchInterest(watch),
      watchStats: (watch) => house.sendStats = watch,
      from: "handler_1",
      log: house.log,
      metrics: house.metrics,
    });
    return house;
  }

  get doors(): ZmqDoors {
    return this.#doors as ZmqDoors;
  }

  at(setting: keyof ZmqDoors["endpoints"]): string {
    return this.doors.endpoints[setting][0] as string;
  }

  get items(): readonly PublishItem[] {
    return this.received.flatMap((message) => message.type === "item" ? [message.item] : []);
  }

  get warnings(): readonly unknown[] {
    return this.log.lines.map(({ fields }) => fields["reason"]);
  }

  async listen(channel: string): Promise<void> {
    await this.#proxy.send({ type: "subscribe", channel });
    await eventually(() => this.received.some((got) => got.type === "subscribed" && got.channel === channel));
  }

  async leave(channel: string): Promise<void> {
    await this.#proxy.send({ type: "unsubscribe", channel });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.doors[Symbol.asyncDispose]();
    await this.#proxy[Symbol.asyncDispose]();
    this.handler[Symbol.dispose]();
  }
}

export function contents(items: readonly PublishItem[]): string[] {
  return items.map(({ channel, formats: { "http-stream": stream } }) =>
    `${channel}: ${stream?.action === "send" ? new TextDecoder().decode(stream.content) : stream?.action}`
  );
}

export const item = (content: string, more: Record<string, unknown> = {}) => ({
  ...more,
  formats: { "http-stream": { content } },
});
