/**
 * PUB and XPUB: each message to every SUB peer that wants it; at a peer's high-water mark it is dropped for that peer.
 */
import { encodeMessage, type ZmtpMessage } from "../wire/zmtp_frames.ts";
import type { ZmqOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import { PrefixTable, topicBytes, topicKey } from "./prefix_table.ts";
import { ZmqSocket } from "./socket.ts";

/** What one peer may make us remember. */
const MAX_SUBSCRIPTIONS = 1_000_000;
const MAX_SUBSCRIPTION_BYTES = 64 * 1024 * 1024;

interface Wishes {
  readonly keys: Set<string>;
  bytes: number;
}

export interface PubOptions extends ZmqOptions {
  /** Told of each topic's first and last subscriber. */
  readonly onSubscription?: (topic: Uint8Array, wanted: boolean) => void;
}

export class PubSocket extends ZmqSocket {
  readonly #table = new PrefixTable<Peer>();
  readonly #wishes = new Map<Peer, Wishes>();
  readonly #onSubscription: ((topic: Uint8Array, wanted: boolean) => void) | undefined;
  #dropped = 0;

  constructor(options: PubOptions = {}, socketType: "PUB" | "XPUB" = "PUB") {
    super(socketType, options);
    this.#onSubscription = options.onSubscription;
  }

  /** Copies not sent because a subscriber was at its high-water mark, since the beginning. */
  get dropped(): number {
    return this.#dropped;
  }

  /** True where anybody has subscribed to anything: ask before building a message. */
  get hasSubscribers(): boolean {
    return this.#table.size > 0;
  }

  /** True where a message whose first part is `topic` would go to anybody. */
  wants(topic: string | Uint8Array): boolean {
    if (this.#table.size === 0) return false;
    return this.#table.matches(topicKey(typeof topic === "string" ? new TextEncoder().encode(topic) : topic));
  }

  /**
   * Never waits. Encoded once for all; gives the number of peers it was queued for. @throws {PushpinError} when closed.
   */
  send(message: ZmtpMessage): number {
    this.requireOpen();
    if (this.#table.size === 0) return 0;
    let frames: Uint8Array | undefined;
    let sent = 0;
    for (const peer of this.#table.wanting(topicKey(message[0] as Uint8Array))) {
      if (peer.writable) {
        peer.send(frames ??= encodeMessage(message));
        sent++;
      } else this.#dropped++;
    }
    return sent;
  }

  override talksTo(socketType: string): boolean {
    return socketType === "SUB" || socketType === "XSUB";
  }

  /** A subscription in the words of ZMTP 3.0; other messages of an XSUB are nothing to us. */
  override peerMessage(peer: Peer, message: ZmtpMessage): undefined {
    const [body, ...more] = message as [Uint8Array, ...Uint8Array[]];
    if (more.length > 0 || (body[0] !== 0 && body[0] !== 1)) return;
    const refused = this.peerSubscription(peer, body.subarray(1), body[0] === 1);
    if (refused !== undefined) peer.end("overload", refused);
  }

  override peerSubscription(peer: Peer, topic: Uint8Array, wanted: boolean): string | undefined {
    const wishes = this.#wishes.get(peer);
    if (wishes === undefined) return undefined;
    const key = topicKey(topic);
    if (wishes.keys.has(key) === wanted) return undefined;
    if (!wanted) {
      wishes.keys.delete(key);
      wishes.bytes -= key.length;
      if (this.#table.remove(key, peer)) this.#onSubscription?.(topic, false);
      return undefined;
    }
    wishes.keys.add(key);
    wishes.bytes += key.length;
    if (wishes.keys.size > MAX_SUBSCRIPTIONS || wishes.bytes > MAX_SUBSCRIPTION_BYTES) {
      wishes.keys.delete(key);
      return `over ${MAX_SUBSCRIPTIONS} subscriptions or ${MAX_SUBSCRIPTION_BYTES} bytes of them`;
    }
    if (this.#table.add(key, peer)) this.#onSubscription?.(topic, true);
    return undefined;
  }

  protected override peerJoined(peer: Peer): string | undefined {
    this.#wishes.set(peer, { keys: new Set(), bytes: 0 });
    return undefined;
  }

  protected override peerLeft(peer: Peer, unsent: readonly Uint8Array[]): void {
    this.#dropped += unsent.length;
    const wishes = this.#wishes.get(peer);
    this.#wishes.delete(peer);
    for (const key of wishes?.keys ?? []) {
      if (this.#table.remove(key, peer)) this.#onSubscription?.(topicBytes(key), false);
    }
  }

  protected override socketClosing(): void {}
}

/** A PUB that says so to its peers: `onSubscription` is what it is for. */
export class XpubSocket extends PubSocket {
  constructor(options: PubOptions = {}) {
    super(options, "XPUB");
  }
}
