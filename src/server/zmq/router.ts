/** ROUTER, and REP on top of it: receives from all peers in turns and answers the one that asked. */
import { PushpinError } from "../../errors.ts";
import { encodeMessage, type ZmtpMessage } from "../wire/zmtp_frames.ts";
import type { ZmqOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { SocketType } from "./peer_owner.ts";
import { topicKey } from "./prefix_table.ts";
import { ReceivingSocket } from "./pull.ts";

/** What became of a message for one peer: `full` at its high-water mark, `gone` where there is no such peer. */
export type Routed = "queued" | "full" | "gone";

/** The empty part between an envelope and a body. */
export const DELIMITER: Uint8Array = new Uint8Array(0);

/**
 * Messages begin with the routing id of the peer: the one it gave itself, or five bytes of ours beginning with 0. A
 * peer with the id of one that is here is refused. At a peer's high-water mark `send` waits and `trySend` says "full".
 */
export class RouterSocket extends ReceivingSocket {
  readonly #byId = new Map<string, Peer>();
  readonly #ids = new Map<Peer, Uint8Array>();
  #nextId = 1;
  #roomWaiters: (() => void)[] = [];

  constructor(options: ZmqOptions = {}, socketType: SocketType = "ROUTER") {
    super(socketType, options);
  }

  /**
   * `[routing id, ...parts]`. @throws {PushpinError} `PUSHPIN_LINK_FAILED` when the peer is gone or the socket closed.
   */
  async send(message: ZmtpMessage): Promise<void> {
    for (;;) {
      const routed = this.trySend(message);
      if (routed === "queued") return;
      if (routed === "gone") {
        throw new PushpinError(
          "PUSHPIN_LINK_FAILED",
          `Cannot send over "${this.settings.name}": the peer is gone`,
        );
      }
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  /** `[routing id, ...parts]`; never waits. @throws {PushpinError} when closed. */
  trySend(message: ZmtpMessage): Routed {
    this.requireOpen();
    const [id, ...parts] = message as [Uint8Array, ...Uint8Array[]];
    const peer = this.#byId.get(topicKey(id));
    if (peer === undefined || !peer.ready) return "gone";
    if (!peer.writable) return "full";
    peer.send(encodeMessage(parts));
    return "queued";
  }

  override talksTo(socketType: string): boolean {
    return socketType === "REQ" || socketType === "DEALER" || socketType === "ROUTER";
  }

  override peerMessage(peer: Peer, message: ZmtpMessage): Promise<void> | undefined {
    return super.peerMessage(peer, [this.#ids.get(peer) as Uint8Array, ...message]);
  }

  override peerRoom(_peer: Peer): void {
    this.#wake();
  }

  protected override peerJoined(peer: Peer): string | undefined {
    const own = peer.remoteId.length > 0 && peer.remoteId[0] !== 0;
    const id = own ? peer.remoteId : this.#newId();
    const key = topicKey(id);
    if (this.#byId.has(key)) return "another peer has the same routing id";
    this.#byId.set(key, peer);
    this.#ids.set(peer, id);
    return undefined;
  }

  protected override peerLeft(peer: Peer, unsent: readonly Uint8Array[]): void {
    super.peerLeft(peer, unsent);
    const id = this.#ids.get(peer);
    this.#ids.delete(peer);
    if (id !== undefined) this.#byId.delete(topicKey(id));
    this.#wake();
  }

  protected override socketClosing(): void {
    super.socketClosing();
    this.#wake();
  }

  #newId(): Uint8Array {
    const id = new Uint8Array(5);
    new DataView(id.buffer).setUint32(1, this.#nextId);
    this.#nextId = (this.#nextId + 1) >>> 0;
    return id;
  }

  #wake(): void {
    const waiting = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const wake of waiting) wake();
  }
}

/** One request and the way back to who asked. */
export interface Request {
  readonly parts: ZmtpMessage;
  /** Answers; never waits. Later requests of other peers, and of this one, need not wait for it. */
  reply(parts: ZmtpMessage): Routed;
}

/**
 * REP without the lock-step: requests are answered in any order. Announced as ROUTER where a peer may look at the type.
 */
export class RepSocket implements AsyncDisposable {
  readonly router: RouterSocket;

  constructor(options: ZmqOptions = {}, announced: "REP" | "ROUTER" = "REP") {
    this.router = new RouterSocket({ name: "REP", ...options }, announced);
  }

  bind(spec: string): Promise<string> {
    return this.router.bind(spec);
  }

  connect(spec: string): void {
    this.router.connect(spec);
  }

  /**
   * The next request; undefined when closed. A message without the empty delimiter part is no request: dropped with a
   * line.
   */
  async receive(): Promise<Request | undefined> {
    for (;;) {
      const message = await this.router.receive();
      if (message === undefined) return undefined;
      const delimiter = message.findIndex((part, i) => i > 0 && part.length === 0);
      if (delimiter === -1 || delimiter === message.length - 1) {
        const { log, name } = this.router.settings;
        log.warn("zmq request dropped", {
          socket: name,
          reason: "it has no empty delimiter part before its body",
        });
        continue;
      }
      const envelope = message.slice(0, delimiter + 1);
      return {
        parts: message.slice(delimiter + 1),
        reply: (parts) => this.router.closed ? "gone" : this.router.trySend([...envelope, ...parts]),
      };
    }
  }

  close(options?: { readonly lingerMs?: number }): Promise<boolean> {
    return this.router.close(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
