/** SUB: receives what its PUB and XPUB peers publish under the topics it asked for. */
import { encodeSubscription } from "../wire/zmtp_commands.ts";
import type { ZmtpMessage } from "../wire/zmtp_frames.ts";
import type { ZmqOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import { PrefixTable, topicBytes, topicKey } from "./prefix_table.ts";
import { ReceivingSocket } from "./pull.ts";

/** The subscriptions of a million channels may wait for one peer; a peer that never reads them is given up. */
const SUBSCRIPTION_BYTES = 64 * 1024 * 1024;

/**
 * Every peer is told all topics when it joins, and each first and last wish for a topic when it comes and goes. Topics
 * are prefixes; wishes are counted, as libzmq counts them.
 */
export class SubSocket extends ReceivingSocket {
  override readonly controlBytes = SUBSCRIPTION_BYTES;
  readonly #wishes = new Map<string, number>();
  readonly #table = new PrefixTable<SubSocket>();

  constructor(options: ZmqOptions = {}) {
    super("SUB", options);
  }

  /** How many different topics are asked for. */
  get topicCount(): number {
    return this.#wishes.size;
  }

  /** Asks for a topic; an empty one is everything. Strings are UTF-8. */
  subscribe(topic: string | Uint8Array): void {
    const bytes = typeof topic === "string" ? new TextEncoder().encode(topic) : topic;
    const key = topicKey(bytes);
    const wishes = this.#wishes.get(key) ?? 0;
    this.#wishes.set(key, wishes + 1);
    if (wishes > 0) return;
    this.#table.add(key, this);
    this.#tell(bytes, true);
  }

  /** Takes one wish back. Of a topic that is not asked for, nothing. */
  unsubscribe(topic: string | Uint8Array): void {
    const bytes = typeof topic === "string" ? new TextEncoder().encode(topic) : topic;
    const key = topicKey(bytes);
    const wishes = this.#wishes.get(key);
    if (wishes === undefined) return;
    if (wishes > 1) {
      this.#wishes.set(key, wishes - 1);
      return;
    }
    this.#wishes.delete(key);
    this.#table.remove(key, this);
    this.#tell(bytes, false);
  }

  override talksTo(socketType: string): boolean {
    return socketType === "PUB" || socketType === "XPUB";
  }

  /** What nobody asked for (any more) is dropped here too: it may have been under way when the topic was cancelled. */
  override peerMessage(peer: Peer, message: ZmtpMessage): Promise<void> | undefined {
    if (!this.#table.matches(topicKey(message[0] as Uint8Array))) return undefined;
    return super.peerMessage(peer, message);
  }

  protected override peerJoined(peer: Peer): string | undefined {
    for (const key of this.#wishes.keys()) {
      if (!peer.ready) return undefined;
      peer.sendControl(encodeSubscription(topicBytes(key), true, peer.minor));
    }
    return undefined;
  }

  #tell(topic: Uint8Array, wanted: boolean): void {
    for (const peer of this.peers) peer.sendControl(encodeSubscription(topic, wanted, peer.minor));
  }
}
