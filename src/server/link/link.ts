/** One end of the way between a proxy and the handler; memory and socket implementations pass one contract suite. */

/** Why an end is closed. */
export type LinkClose = "ours" | "peer" | "overflow" | "version" | "refused";

/**
 * Messages in order, both ways, until it closes. What was sent and not taken by the transport when it closes is
 * lost; the owner re-announces on the next one.
 */
export interface LinkEnd<Out, In> extends AsyncDisposable {
  /**
   * Hands a message to the transport.
   * @returns when it is out of this process's hands, so that our death cannot lose it. Rejects when closed.
   */
  send(message: Out): Promise<void>;
  /** Called once, before the first message can come. */
  receive(handler: (message: In) => void): void;
  /** Settles, never rejects, once. */
  readonly closed: Promise<LinkClose>;
}
