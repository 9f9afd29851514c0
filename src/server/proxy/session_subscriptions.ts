/** A session's channels at the hub, under the names that publishers use. */
import type { HeldChannel } from "../../grip/held_channel.ts";
import type { Hub } from "../hub/hub.ts";
import type { SubscriptionMode } from "../link/messages.ts";
import { SessionSubscription, type SubscribedHold, type SubscriptionOwner } from "./session_subscription.ts";

export class SessionSubscriptions {
  readonly #hub: Pick<Hub, "subscribe" | "unsubscribe" | "forgetLastId">;
  readonly #prefix: string;
  readonly #owner: SubscriptionOwner;
  readonly #subscriptions: SessionSubscription[] = [];

  constructor(
    hub: Pick<Hub, "subscribe" | "unsubscribe" | "forgetLastId">,
    prefix: string,
    owner: SubscriptionOwner,
  ) {
    this.#hub = hub;
    this.#prefix = prefix;
    this.#owner = owner;
  }

  add(channel: HeldChannel, mode: SubscriptionMode, hold: SubscribedHold): void {
    const subscription = new SessionSubscription(channel, this.#fullName(channel), hold, this.#owner);
    this.#subscriptions.push(subscription);
    this.#hub.subscribe(subscription.fullName, mode, subscription);
  }

  remove(channel: HeldChannel, mode: SubscriptionMode): void {
    const at = this.#subscriptions.findIndex((subscription) => subscription.channel === channel);
    if (at === -1) return;
    const [subscription] = this.#subscriptions.splice(at, 1);
    this.#hub.unsubscribe(subscription!.fullName, mode, subscription!);
  }

  forgetLastId(channel: HeldChannel): void {
    this.#hub.forgetLastId(this.#fullName(channel));
  }

  /** With the route's prefix, but for implicit channels. */
  #fullName(channel: HeldChannel): string {
    return channel.implicit ? channel.name : this.#prefix + channel.name;
  }
}
