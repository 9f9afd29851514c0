/** One channel of one session, as the hub sees it. */
import type { HeldChannel } from "../../grip/held_channel.ts";
import type { PublishItem } from "../../grip/publish_item.ts";
import type { ItemVerdict } from "../../grip/session_port.ts";
import type { Subscriber } from "../hub/subscriber.ts";

/** What the two kinds of hold have in common here. */
export interface SubscribedHold {
  subscribed(channel: HeldChannel, lastId: string | undefined): void;
  item(channel: HeldChannel, item: PublishItem): ItemVerdict;
  updateSoon(): void;
}

/** Ends its session when something in it breaks. */
export interface SubscriptionOwner {
  readonly id: string;
  readonly bucket: string | undefined;
  failed(thrown: unknown): void;
}

export class SessionSubscription implements Subscriber {
  readonly channel: HeldChannel;
  /** As publishers name it. */
  readonly fullName: string;
  readonly #hold: SubscribedHold;
  readonly #owner: SubscriptionOwner;

  constructor(channel: HeldChannel, fullName: string, hold: SubscribedHold, owner: SubscriptionOwner) {
    this.channel = channel;
    this.fullName = fullName;
    this.#hold = hold;
    this.#owner = owner;
  }

  get id(): string {
    return this.#owner.id;
  }

  get bucket(): string | undefined {
    return this.#owner.bucket;
  }

  item(_name: string, item: PublishItem): string {
    try {
      return this.#hold.item(this.channel, item);
    } catch (thrown) {
      this.#owner.failed(thrown);
      return "error";
    }
  }

  subscribed(_name: string, lastId: string | undefined): void {
    this.#guard(() => this.#hold.subscribed(this.channel, lastId));
  }

  update(): void {
    this.#guard(() => this.#hold.updateSoon());
  }

  recover(): void {
    this.#guard(() => this.#hold.updateSoon());
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#owner.failed(thrown);
    }
  }
}
