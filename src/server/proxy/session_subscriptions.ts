/** A session's channels at the hub, under the names that publishers use. */
import type { HeldChannel } from "../../grip/held_channel.ts";
import type { Hub } from "../hub/hub.ts";
import type { SubscriptionMode } from "../link/messages.ts";
import { SessionSubscription, type SubscribedHold, type SubscriptionOwner } from "./session_subscription.ts";

export class SessionSubscriptions {
  readonly #hub: Pick<Hub, "subscribe" | "unsubscribe" | "forgetLastId">;
  readonly #prefix: string;
  readonly #owner: SubscriptionOwner;
  /** Replaced, not pushed to: an array that grows makes room for 17, and there are thousands of sessions. */
  #subscriptions: readonly SessionSubscription[] = [];

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
    this.#subscriptions = [...this.#subscriptions, subscription];
    this.#hub.subscribe(subscription.fullName, mode, subscription);
  }

  remove(channel: HeldChannel, mode: SubscriptionMode): void {
    const left = this.#subscriptions.find((subscription) => subscription.channel === channel);
    if (left === undefined) return;
    this.#subscriptions = this.#subscriptions.filter((subscription) => subscription !== left);
    this.#hub.unsubscribe(left.fullName, mode, left);
  }

  forgetLastId(channel: HeldChannel): void {
    this.#hub.forgetLastId(this.#fullName(channel));
  }

  /** With the route's prefix, but for implicit channels. */
  #fullName(channel: HeldChannel): string {
    return channel.implicit ? channel.name : this.#prefix + channel.name;
  }
}
