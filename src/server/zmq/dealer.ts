/** DEALER, and REQ on top of it: sends to its peers in turns, receives from all in turns. */
import { PushpinError } from "../../errors.ts";
import { encodeMessage, type ZmtpMessage } from "../wire/zmtp_frames.ts";
import { Distributor } from "./distributor.ts";
import type { ZmqOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { SocketType } from "./peer_owner.ts";
import { ReceivingSocket } from "./pull.ts";
import { DELIMITER } from "./router.ts";

/**
 * At the high-water mark of all peers, and without any, `send` waits. What waits for a peer that goes away is lost with
 * it.
 */
export class DealerSocket extends ReceivingSocket {
  readonly #peers = new Distributor();

  constructor(options: ZmqOptions = {}, socketType: SocketType = "DEALER") {
    super(socketType, options);
  }

  /** Settles when a peer's queue has taken the message. @throws {PushpinError} when closed first. */
  async send(message: ZmtpMessage): Promise<void> {
    const frames = encodeMessage(message);
    for (;;) {
      this.requireOpen();
      const peer = this.#peers.pick();
      if (peer !== undefined) return peer.send(frames);
      await this.#peers.room();
    }
  }

  override talksTo(socketType: string): boolean {
    return socketType === "REP" || socketType === "DEALER" || socketType === "ROUTER";
  }

  override peerRoom(_peer: Peer): void {
    this.#peers.wake();
  }

  protected override peerJoined(peer: Peer): string | undefined {
    this.#peers.add(peer);
    return undefined;
  }

  protected override peerLeft(peer: Peer, unsent: readonly Uint8Array[]): void {
    super.peerLeft(peer, unsent);
    this.#peers.remove(peer);
    this.#peers.wake();
  }

  protected override socketClosing(): void {
    super.socketClosing();
    this.#peers.wake();
  }
}

/** REQ: one request at a time; its peer must be a REP or ROUTER. */
export class ReqSocket implements AsyncDisposable {
  readonly dealer: DealerSocket;
  #busy = false;

  constructor(options: ZmqOptions = {}) {
    this.dealer = new ReqDealer(options);
  }

  bind(spec: string): Promise<string> {
    return this.dealer.bind(spec);
  }

  connect(spec: string): void {
    this.dealer.connect(spec);
  }

  /**
   * Sends a request and gives its reply. A peer that goes away without one is waited for until `timeoutMs`, as libzmq
   * would for ever.
   *
   * @throws {PushpinError} `PUSHPIN_LINK_FAILED` when another request is under way, when the time is up, or when
   * closed. After a timeout the socket must be closed: a late reply could be taken for another request's.
   */
  async request(parts: ZmtpMessage, options: { readonly timeoutMs: number }): Promise<ZmtpMessage> {
    if (this.#busy) throw failed("another request is under way");
    this.#busy = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<"timeout">((resolve) =>
      timer = setTimeout(() => resolve("timeout"), options.timeoutMs)
    );
    const exchange = this.#exchange(parts);
    try {
      const reply = await Promise.race([exchange, timeout]);
      if (reply === "timeout") throw failed(`no reply within ${options.timeoutMs} ms`);
      if (reply === undefined) throw failed("the socket was closed");
      this.#busy = false;
      return reply;
    } finally {
      clearTimeout(timer);
      // After a timeout it ends with the socket; its end is then nobody's business.
      exchange.catch(() => {});
    }
  }

  close(): Promise<boolean> {
    return this.dealer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #exchange(parts: ZmtpMessage): Promise<ZmtpMessage | undefined> {
    await this.dealer.send([DELIMITER, ...parts]);
    for (;;) {
      const reply = await this.dealer.receive();
      if (reply === undefined) return undefined;
      if (reply.length > 1 && reply[0]?.length === 0) return reply.slice(1);
    }
  }
}

class ReqDealer extends DealerSocket {
  constructor(options: ZmqOptions) {
    super(options, "REQ");
  }

  override talksTo(socketType: string): boolean {
    return socketType === "REP" || socketType === "ROUTER";
  }
}

function failed(what: string): PushpinError {
  return new PushpinError("PUSHPIN_LINK_FAILED", `Cannot make ZeroMQ request: ${what}`);
}
