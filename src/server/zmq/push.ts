/** PUSH: each message to one PULL peer, in turns; waits rather than drops. */
import { encodeMessage, type ZmtpMessage } from "../wire/zmtp_frames.ts";
import { Distributor } from "./distributor.ts";
import { Fifo } from "./fifo.ts";
import type { ZmqOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import { ZmqSocket } from "./socket.ts";

/**
 * At the high-water mark of all peers, and without any, `send` waits and `trySend` says false. Messages that were
 * queued for a peer and not yet written when it went away go to the next one; those already written are the network's.
 */
export class PushSocket extends ZmqSocket {
  readonly #peers = new Distributor();
  /** From peers that went away; before anything new. Bounded by the high-water marks they came from. */
  #returned = new Fifo<Uint8Array>();

  constructor(options: ZmqOptions = {}) {
    super("PUSH", options);
  }

  /**
   * Settles when a peer's queue has taken the message, which is not yet the peer. @throws {PushpinError} when closed
   * first.
   */
  async send(message: ZmtpMessage): Promise<void> {
    const frames = encodeMessage(message);
    while (!this.#offer(frames)) await this.#peers.room();
  }

  /** False where `send` would wait. */
  trySend(message: ZmtpMessage): boolean {
    return this.#offer(encodeMessage(message));
  }

  override talksTo(socketType: string): boolean {
    return socketType === "PULL";
  }

  override peerMessage(): undefined {
    return undefined;
  }

  override peerRoom(): void {
    this.#giveReturned();
    this.#peers.wake();
  }

  protected override peerJoined(peer: Peer): string | undefined {
    this.#peers.add(peer);
    this.#giveReturned();
    return undefined;
  }

  protected override peerLeft(peer: Peer, unsent: readonly Uint8Array[]): void {
    this.#peers.remove(peer);
    for (const frames of unsent) this.#returned.push(frames);
    this.#giveReturned();
  }

  protected override socketClosing(): void {
    this.#returned = new Fifo();
    this.#peers.wake();
  }

  #offer(frames: Uint8Array): boolean {
    this.requireOpen();
    if (this.#returned.length > 0) return false;
    const peer = this.#peers.pick();
    peer?.send(frames);
    return peer !== undefined;
  }

  #giveReturned(): void {
    while (this.#returned.length > 0) {
      const peer = this.#peers.pick();
      if (peer === undefined) return;
      peer.send(this.#returned.shift() as Uint8Array);
    }
    this.#peers.wake();
  }
}
