/** `pushpin publish --spec tcp://…`: a PUSH socket that hands one item to whoever binds there (spec 3.3, 8.4). */
import { describeError, PushpinError } from "../../errors.ts";
import { encodePublishItem } from "../../grip/publish_encode.ts";
import type { PublishItem } from "../../grip/publish_item.ts";
import { encodeTnetstring, type TnetWritable } from "../wire/tnetstring.ts";
import { PushSocket } from "../zmq/mod.ts";

const TIME_LIMIT_MS = 10_000;

/**
 * Settles when the item is written to a peer. ZeroMQ answers nothing: whether the item was any good is in that peer's log.
 *
 * @throws {PushpinError} `PUSHPIN_PUBLISH_FAILED` where there is no peer, at the first refusal or after `timeLimitMs`.
 */
export async function publishOverZmq(
  spec: string,
  item: PublishItem,
  timeLimitMs = TIME_LIMIT_MS,
): Promise<void> {
  const failed = (why: string, cause?: unknown): PushpinError =>
    new PushpinError("PUSHPIN_PUBLISH_FAILED", `Cannot publish to ${spec}: ${why}`, { cause });
  const refused = Promise.withResolvers<never>();
  refused.promise.catch(() => {}); // heard by the race below, if it still runs
  const socket = new PushSocket({
    name: "publish",
    onConnectFailed: (thrown) => {
      const text = describeError(thrown);
      const away = /refused|no such file/i.test(text);
      const why = away ? "nothing listens there: start pushpin, or name another address with --spec" : text;
      refused.reject(failed(why, thrown));
    },
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(failed(`no peer within ${timeLimitMs / 1000} s`)), timeLimitMs);
  });
  try {
    socket.connect(spec);
    // Every member is a string, a number, a boolean, bytes, or a list or record of those.
    const message = encodeTnetstring(encodePublishItem(item, { binary: true }) as TnetWritable);
    const sending = socket.send([message]);
    sending.catch(() => {}); // rejects when the socket is closed under it, which the race has told already
    await Promise.race([sending, refused.promise, late]);
    await socket.close({ lingerMs: timeLimitMs });
  } catch (e) {
    if (e instanceof PushpinError && e.code !== "PUSHPIN_PUBLISH_FAILED") throw failed(e.message, e);
    throw e;
  } finally {
    clearTimeout(timer);
    await socket.close();
  }
}
