/** PULL: takes messages from every PUSH peer in turns, loses none while it lives. */
import type { ZmtpMessage } from "../wire/zmtp_frames.ts";
import { Inbox, weightOf } from "./inbox.ts";
import type { ZmqOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { SocketType } from "./peer_owner.ts";
import { ZmqSocket } from "./socket.ts";

/** What `receiveMany` takes at most where nothing else is said. */
const MANY = 256;

/**
 * A socket that receives. At the receive high-water mark of a peer its connection is no longer read, and the peer's
 * queue fills.
 */
export abstract class ReceivingSocket extends ZmqSocket {
  readonly #inbox: Inbox<Peer, ZmtpMessage>;

  protected constructor(socketType: SocketType, options: ZmqOptions) {
    super(socketType, options);
    this.#inbox = new Inbox({
      messages: this.settings.receiveHighWater,
      bytes: this.settings.highWaterBytes,
    });
  }

  /** The next message; undefined when the socket is closed and what it had received is taken. */
  async receive(): Promise<ZmtpMessage | undefined> {
    return (await this.#inbox.take(1))?.[0];
  }

  /**
   * What is there, up to `max` messages, as soon as there is one; undefined as for `receive`. Far cheaper than one at a
   * time.
   */
  receiveMany(max = MANY): Promise<readonly ZmtpMessage[] | undefined> {
    return this.#inbox.take(max);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<ZmtpMessage> {
    for (let many = await this.receiveMany(); many !== undefined; many = await this.receiveMany()) {
      yield* many;
    }
  }

  peerMessage(peer: Peer, message: ZmtpMessage): Promise<void> | undefined {
    return this.#inbox.put(peer, message, weightOf(message));
  }

  protected peerJoined(_peer: Peer): string | undefined {
    return undefined;
  }

  protected peerLeft(peer: Peer, _unsent: readonly Uint8Array[]): void {
    this.#inbox.leave(peer);
  }

  protected socketClosing(): void {
    this.#inbox.close();
  }
}

export class PullSocket extends ReceivingSocket {
  constructor(options: ZmqOptions = {}) {
    super("PULL", options);
  }

  override talksTo(socketType: string): boolean {
    return socketType === "PUSH";
  }
}
