/** Publishing over ZeroMQ PULL (spec 3.3): backends PUSH, one part a message, nothing is answered. */
import { PushpinError } from "../../errors.ts";
import { PullSocket } from "../zmq/mod.ts";
import { doorSocketOptions, INTAKE_BATCH, takeIn, type ZmqDoorOptions } from "./zmq_intake.ts";
import { readZmqItem } from "./zmq_payload.ts";

export interface ZmqPull extends AsyncDisposable {
  /** As bound, ports known. */
  readonly endpoints: readonly string[];
}

/**
 * Opens the door on all specs. @throws {PushpinError} `PUSHPIN_LISTEN_FAILED`, `PUSHPIN_CONFIG_INVALID`; then none is
 * open.
 */
export async function openZmqPull(options: ZmqDoorOptions): Promise<ZmqPull> {
  const socket = new PullSocket(doorSocketOptions("publish-pull", options));
  const endpoints: string[] = [];
  try {
    for (const spec of options.specs) endpoints.push(await socket.bind(spec));
  } catch (thrown) {
    await socket.close();
    throw thrown;
  }
  const taking = takeIn("zmq-pull", () => socket.receiveMany(INTAKE_BATCH), (message) => {
    if (message.length !== 1) {
      throw new PushpinError(
        "PUSHPIN_ITEM_INVALID",
        `Cannot read publish item: the message has ${message.length} parts, not one`,
      );
    }
    return readZmqItem(message[0] as Uint8Array);
  }, options);
  return {
    endpoints,
    async [Symbol.asyncDispose]() {
      await socket.close();
      await taking;
    },
  };
}
