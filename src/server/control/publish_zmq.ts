/** `pushpin publish` over ZeroMQ: one item through a PUSH socket, as `pushpin-publish` sends it (spec 8.4). */
import { describeError, PushpinError } from "../../errors.ts";
import { encodePublishItem } from "../../grip/publish_encode.ts";
import type { PublishItem } from "../../grip/publish_item.ts";
import { encodeTnetstring, type TnetWritable } from "../wire/tnetstring.ts";
import { PushSocket } from "../zmq/mod.ts";

const TIME_LIMIT_MS = 10_000;

/**
 * Connects, hands one item over as a tnetstring and waits until the other side has read it. ZeroMQ answers nothing:
 * whether the item was a good one is in the other side's log.
 *
 * @throws {PushpinError} `PUSHPIN_PUBLISH_FAILED`: refused, no ZeroMQ PULL there, or not done within `timeLimitMs`.
 */
export async function publishOverZmq(
  spec: string,
  item: PublishItem,
  options: { readonly timeLimitMs?: number } = {},
): Promise<void> {
  const limitMs = options.timeLimitMs ?? TIME_LIMIT_MS;
  const end = performance.now() + limitMs;
  const payload = encodeTnetstring(encodePublishItem(item, { binary: true }) as TnetWritable);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  await using socket = new PushSocket({ name: "publish", onConnectFailed: reject });
  const timer = setTimeout(
    () => reject(new PushpinError("PUSHPIN_LINK_FAILED", `no answer within ${limitMs / 1000} s`)),
    limitMs,
  );
  try {
    socket.connect(spec);
    await Promise.race([socket.send([payload]), failed]);
    const lingerMs = Math.max(0, end - performance.now());
    if (!await Promise.race([socket.close({ lingerMs }), failed])) {
      throw new PushpinError("PUSHPIN_LINK_FAILED", "the connection ended before the item was read");
    }
  } catch (thrown) {
    throw new PushpinError("PUSHPIN_PUBLISH_FAILED", `Cannot publish to ${spec}: ${why(thrown)}`, {
      cause: thrown,
    });
  } finally {
    clearTimeout(timer);
  }
}

function why(thrown: unknown): string {
  const text = describeError(thrown);
  if (thrown instanceof Deno.errors.ConnectionRefused || thrown instanceof Deno.errors.NotFound) {
    return "connection refused: start pushpin there, or name another address with --spec";
  }
  // The last part alone: the one in front repeats the address.
  if (thrown instanceof PushpinError) return text.replace(/^Cannot [^:]*:\S*: /, "");
  return text;
}
