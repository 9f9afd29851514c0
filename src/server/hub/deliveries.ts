/** How an item gets to one session: at once, or in its turn where deliveries are throttled. */
import { describeError } from "../../errors.ts";
import type { PublishItem } from "../../grip/publish_item.ts";
import type { Log } from "../../log.ts";
import type { HubLimits } from "./hub_options.ts";
import type { DeliveryVerdict, Subscriber } from "./subscriber.ts";
import { contentBytes, Throttle } from "./throttle.ts";
import type { TimerWheel } from "./timer_wheel.ts";

export class Deliveries {
  readonly #log: Log;
  readonly #timers: TimerWheel;
  #throttle: Throttle | undefined;
  #limits = "";

  constructor(log: Log, timers: TimerWheel) {
    this.#log = log;
    this.#timers = timers;
  }

  /** Takes new limits; what waits under the old ones still goes out. */
  configure(limits: HubLimits): void {
    const { messageRate: rate = 0, messageHwm: highWaterMark = 0, messageBlockSize: blockBytes } = limits;
    // A throttle that stays the same keeps what waits in it, in its order.
    if (this.#limits === `${rate} ${highWaterMark} ${blockBytes}`) return;
    this.#limits = `${rate} ${highWaterMark} ${blockBytes}`;
    this.#throttle = rate > 0
      ? new Throttle({ rate, highWaterMark, blockBytes, timers: this.#timers })
      : undefined;
  }

  /** What became of the item, or `queued`; `among` are those who are still there when its turn comes. */
  offer(subscriber: Subscriber, among: ReadonlySet<Subscriber>, item: PublishItem): DeliveryVerdict {
    if (this.#throttle === undefined) return this.#deliver(subscriber, item);
    const taken = this.#throttle.offer(subscriber.bucket ?? "", item.size ?? contentBytes(item), () => {
      if (among.has(subscriber)) this.#deliver(subscriber, item);
      // Left, or was asked for anew: its origin's answer is newer than the item.
      else {this.#log.debug("item not delivered", {
          channel: item.channel,
          connection: subscriber.id,
          reason: "left",
        });}
    });
    if (taken) return "queued";
    this.#log.warn("message_hwm reached, item dropped", { channel: item.channel, connection: subscriber.id });
    return "message-hwm";
  }

  #deliver(subscriber: Subscriber, item: PublishItem): DeliveryVerdict {
    try {
      return subscriber.item(item.channel, item);
    } catch (thrown) {
      // One session's fault is one session's loss.
      this.#log.error("delivery failed", {
        channel: item.channel,
        connection: subscriber.id,
        reason: describeError(thrown),
      });
      return "error";
    }
  }
}
