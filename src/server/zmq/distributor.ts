/**
 * Round robin over the peers that have room, for PUSH, DEALER and REQ: `pick` gives the next one, `room` says when to
 * ask again.
 */
import type { Peer } from "./peer.ts";

export class Distributor {
  readonly #turns: Peer[] = [];
  #next = 0;
  #waiting: (() => void)[] = [];

  add(peer: Peer): void {
    this.#turns.push(peer);
    this.wake();
  }

  remove(peer: Peer): void {
    const at = this.#turns.indexOf(peer);
    if (at === -1) return;
    this.#turns.splice(at, 1);
    if (at < this.#next) this.#next--;
  }

  /** The next peer in turn that can be written to. */
  pick(): Peer | undefined {
    const count = this.#turns.length;
    for (let i = 0; i < count; i++) {
      const at = (this.#next + i) % count;
      const peer = this.#turns[at] as Peer;
      if (!peer.writable) continue;
      this.#next = (at + 1) % count;
      return peer;
    }
    return undefined;
  }

  /** Settles when a peer joins or gets room. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
