/** The channels of one hold: which to subscribe to, which to leave, and how many there may be. */
import { HeldChannel } from "./held_channel.ts";
import type { ChannelRef } from "./instruct.ts";
import type { SessionPort } from "./session_port.ts";

export const DEFAULT_MAX_CHANNELS = 20;

/** What both kinds of hold want to know of their surroundings. */
export interface HoldOptions {
  /** Channels a connection may have, default 20; what an instruct names beyond is ignored (spec 2.9). */
  readonly maxChannels?: number;
  /** From the route's `sub=`: not prefixed, not counted, there as long as the hold is. */
  readonly implicitChannels?: readonly string[];
  /** Clients are told what went wrong (spec 1.11). */
  readonly debug?: boolean;
}

export class HeldChannels {
  readonly #port: SessionPort;
  readonly #max: number;
  readonly #implicit: readonly HeldChannel[];
  #all: readonly HeldChannel[] = [];

  constructor(port: SessionPort, options: HoldOptions) {
    this.#port = port;
    this.#max = options.maxChannels ?? DEFAULT_MAX_CHANNELS;
    this.#implicit = (options.implicitChannels ?? []).map((name) =>
      new HeldChannel({ name, filters: [] }, true)
    );
  }

  /** Those subscribed to, the route's own first. */
  get all(): readonly HeldChannel[] {
    return this.#all;
  }

  /** Subscribes to what is new, leaves what is not named any more, and takes the ids and filters of the rest. */
  take(refs: readonly ChannelRef[]): void {
    const before = new Map(this.#all.filter(({ implicit }) => !implicit).map((c) => [c.name, c]));
    const added = this.#all.length === 0 ? [...this.#implicit] : [];
    const all = [...this.#implicit];
    for (const ref of this.#capped(refs)) {
      const known = before.get(ref.name);
      before.delete(ref.name);
      known?.renew(ref);
      const channel = known ?? new HeldChannel(ref);
      all.push(channel);
      if (known === undefined) added.push(channel);
    }
    // A copy, as an array that was pushed to has room for 17.
    this.#all = all.slice();
    for (const channel of before.values()) this.#port.unsubscribe(channel);
    for (const channel of added) this.#port.subscribe(channel);
  }

  leaveAll(): void {
    for (const channel of this.#all) this.#port.unsubscribe(channel);
  }

  /** One entry a name, the last one's word counting. */
  #capped(refs: readonly ChannelRef[]): Iterable<ChannelRef> {
    const byName = new Map<string, ChannelRef>();
    for (const ref of refs) {
      if (byName.has(ref.name) || byName.size < this.#max) byName.set(ref.name, ref);
      else this.#port.note(`Channel "${ref.name}" ignored: the connection has ${this.#max} already`);
    }
    return byName.values();
  }
}
