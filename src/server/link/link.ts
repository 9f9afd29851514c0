/** One end of the way between a proxy and the handler; memory and socket implementations pass one contract suite. */

/**
 * Why an end is closed: by us, by the peer (or its death), because more waited to be sent than the bound allows, because
 * the versions differ, because one side refused the other, because the peer said nothing for too long, or because it
 * said what no peer says.
 */
export type LinkClose = "ours" | "peer" | "overflow" | "version" | "refused" | "silent" | "invalid";

/**
 * Messages in order, both ways, until it closes. What was sent and not taken by the transport when it closes is
 * lost; the owner re-announces on the next one.
 */
export interface LinkEnd<Out, In> extends AsyncDisposable {
  /**
   * Hands a message to the transport.
   * @returns when it is out of this process's hands, so that our death cannot lose it. Rejects when closed, and then
   * whoever does not wait for it need not catch: `closed` tells it once for all.
   */
  send(message: Out): Promise<void>;
  /** Called once, before the first message can come. */
  receive(handler: (message: In) => void): void;
  /** Settles, never rejects, once. */
  readonly closed: Promise<LinkClose>;
}

/** Bounds and beats of a link over a socket; tests shorten them. */
export interface LinkTiming {
  /** A side that has sent nothing for so long sends a heartbeat. */
  readonly heartbeatMs: number;
  /** So many of its own heartbeats without a word from the peer, and a side closes with "silent". */
  readonly silentBeats: number;
  /** For connecting and for the greeting. */
  readonly handshakeMs: number;
  /** The first wait before connecting again; each failure doubles it. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** Waiting after a refusal that only a person can mend: other version, other secret. */
  readonly refusedRetryMs: number;
  /** A proxy without a handler says so after this long. */
  readonly tellAfterMs: number;
  /** Bytes that may wait in front of the socket of one end; more closes it with "overflow". */
  readonly maxWaitingBytes: number;
}

export const DEFAULT_LINK_TIMING: LinkTiming = {
  heartbeatMs: 2000,
  silentBeats: 5,
  handshakeMs: 5000,
  retryMinMs: 25,
  // Below what a restarted handler waits for its proxies before it takes publishes: see LinkListener.joined.
  retryMaxMs: 200,
  refusedRetryMs: 5000,
  tellAfterMs: 1000,
  maxWaitingBytes: 64 * 1024 * 1024,
};
