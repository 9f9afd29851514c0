/**
 * Publishing over ZeroMQ SUB (spec 3.3): publishers send `[channel, payload]`, and an XPUB sees which channels have
 * listeners. We bind and publishers connect, or, with `connect`, the other way round.
 */
import { PushpinError } from "../../errors.ts";
import { SubSocket } from "../zmq/mod.ts";
import { doorSocketOptions, INTAKE_BATCH, takeIn, type ZmqDoorOptions } from "./zmq_intake.ts";
import { readZmqItem, readZmqTopic } from "./zmq_payload.ts";

export interface ZmqSubOptions extends ZmqDoorOptions {
  /** `push_in_sub_connect`: connect to every spec in place of binding. */
  readonly connect?: boolean;
}

export interface ZmqSub extends AsyncDisposable {
  /** As bound, ports known; empty when connecting. */
  readonly endpoints: readonly string[];
  /** The channel has its first listener: publishers are told. */
  want(channel: string): void;
  /** The channel has lost its last listener. */
  unwant(channel: string): void;
}

/**
 * Opens the door on all specs. @throws {PushpinError} `PUSHPIN_LISTEN_FAILED`, `PUSHPIN_CONFIG_INVALID`; then none is
 * open.
 */
export async function openZmqSub(options: ZmqSubOptions): Promise<ZmqSub> {
  const socket = new SubSocket(doorSocketOptions("publish-sub", options));
  const endpoints: string[] = [];
  try {
    for (const spec of options.specs) {
      if (options.connect === true) socket.connect(spec);
      else endpoints.push(await socket.bind(spec));
    }
  } catch (thrown) {
    await socket.close();
    throw thrown;
  }
  const taking = takeIn("zmq-sub", () => socket.receiveMany(INTAKE_BATCH), (message) => {
    const [topic, payload] = message;
    if (message.length !== 2 || topic === undefined || payload === undefined) {
      throw new PushpinError(
        "PUSHPIN_ITEM_INVALID",
        `Cannot read publish item: the message has ${message.length} parts, not a channel and a payload`,
      );
    }
    return readZmqItem(payload, readZmqTopic(topic));
  }, options);
  return {
    endpoints,
    want: (channel) => socket.subscribe(channel),
    unwant: (channel) => socket.unsubscribe(channel),
    async [Symbol.asyncDispose]() {
      await socket.close();
      await taking;
    },
  };
}
