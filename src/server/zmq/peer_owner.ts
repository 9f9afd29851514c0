/** What a connection and its socket ask of each other. */
import type { ZmtpMessage } from "../wire/zmtp_frames.ts";
import type { ZmqSettings } from "./options.ts";
import type { Peer } from "./peer.ts";

/** The socket types of RFC 23 that we are or may meet. */
export type SocketType =
  | "PULL"
  | "PUSH"
  | "PUB"
  | "SUB"
  | "XPUB"
  | "XSUB"
  | "REQ"
  | "REP"
  | "DEALER"
  | "ROUTER";

/** Why a connection is over. `refused` covers everything before READY that is the peer's doing. */
export type PeerEnd = "closed" | "refused" | "protocol" | "timeout" | "failed" | "overload" | "stopped";

/** What a peer asks of its socket. */
export interface PeerOwner {
  readonly socketType: SocketType;
  readonly settings: ZmqSettings;
  /** How much in commands and subscriptions may wait for one peer. */
  readonly controlBytes: number;
  /** Whether this is a type to talk to. */
  talksTo(socketType: string): boolean;
  /** The handshake is over. A returned text refuses the peer. */
  peerReady(peer: Peer): string | undefined;
  /** A promise says: do not read on until it settles. */
  peerMessage(peer: Peer, message: ZmtpMessage): Promise<void> | undefined;
  /** A subscription as a command (3.1). A returned text ends the connection. */
  peerSubscription(peer: Peer, topic: Uint8Array, wanted: boolean): string | undefined;
  /** The outbox has room again. */
  peerRoom(peer: Peer): void;
  /** Called once, also for a peer that never became ready. */
  peerEnded(peer: Peer, end: PeerEnd, unsent: readonly Uint8Array[]): void;
}
