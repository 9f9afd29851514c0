/**
 * A link without a wire: two ends in one process, for `--single-process` and for tests. Messages are handed over as
 * the objects they are, in a microtask of their own, so that neither side runs inside the other's call, as on a socket.
 */
import { PushpinError } from "../../errors.ts";
import type { LinkClose, LinkEnd } from "./link.ts";

export interface MemoryLinkOptions {
  /**
   * Messages that may wait in one direction, for the microtask or for `receive()` to be called; one more closes both
   * ends with "overflow". Default 1 000 000: they are references, and a proxy re-announces all its channels in one go.
   */
  readonly maxWaiting?: number;
}

/** Two joined ends. `Up` is what the proxy sends, `Down` what the handler sends. */
export function createMemoryLink<Up, Down>(
  options: MemoryLinkOptions = {},
): [proxyEnd: LinkEnd<Up, Down>, handlerEnd: LinkEnd<Down, Up>] {
  const maxWaiting = options.maxWaiting ?? 1_000_000;
  const proxyEnd = new MemoryEnd<Up, Down>(maxWaiting);
  const handlerEnd = new MemoryEnd<Down, Up>(maxWaiting);
  proxyEnd.join(handlerEnd);
  handlerEnd.join(proxyEnd);
  return [proxyEnd, handlerEnd];
}

interface Waiting<Message> {
  readonly message: Message;
  readonly taken: () => void;
  readonly lost: (error: PushpinError) => void;
}

class MemoryEnd<Out, In> implements LinkEnd<Out, In> {
  readonly closed: Promise<LinkClose>;
  readonly #maxWaiting: number;
  #settleClosed!: (why: LinkClose) => void;
  #open = true;
  #peer: MemoryEnd<In, Out> | undefined;
  #handler: ((message: In) => void) | undefined;
  #inbox: Waiting<In>[] = [];
  #draining = false;

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
    this.closed = new Promise((resolve) => this.#settleClosed = resolve);
  }

  join(peer: MemoryEnd<In, Out>): void {
    this.#peer = peer;
  }

  /** Resolves when the peer has dealt with the message. */
  send(message: Out): Promise<void> {
    const peer = this.#peer;
    if (!this.#open || peer === undefined) return Promise.reject(closedError());
    if (peer.#inbox.length >= this.#maxWaiting) {
      peer.#close("overflow");
      this.#close("overflow");
      return Promise.reject(closedError());
    }
    const sent = new Promise<void>((taken, lost) => peer.#inbox.push({ message, taken, lost }));
    // Whoever does not wait for a message does not want to hear of its loss either: `closed` says it once for all.
    sent.catch(() => {});
    peer.#drainSoon();
    return sent;
  }

  receive(handler: (message: In) => void): void {
    this.#handler = handler;
    this.#drainSoon();
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#peer !== undefined) this.#peer.#close("peer");
    this.#close("ours");
    return Promise.resolve();
  }

  #drainSoon(): void {
    if (this.#draining || this.#handler === undefined || this.#inbox.length === 0) return;
    this.#draining = true;
    queueMicrotask(() => this.#drain());
  }

  #drain(): void {
    // Swapped rather than shifted: what the handlers send back and forth meanwhile gets a microtask of its own.
    const batch = this.#inbox;
    this.#inbox = [];
    for (const [index, { message, taken }] of batch.entries()) {
      if (!this.#open) {
        for (const { lost } of batch.slice(index)) lost(closedError());
        break;
      }
      try {
        this.#handler?.(message);
      } catch (error) {
        // The receiver's bug costs this message, not the link; it surfaces as any uncaught error does.
        reportError(error);
      }
      taken();
    }
    this.#draining = false;
    this.#drainSoon();
  }

  #close(why: LinkClose): void {
    if (!this.#open) return;
    this.#open = false;
    const lost = this.#inbox;
    this.#inbox = [];
    for (const waiting of lost) waiting.lost(closedError());
    this.#settleClosed(why);
  }
}

function closedError(): PushpinError {
  return new PushpinError("PUSHPIN_LINK_FAILED", "Cannot send on the link: it is closed");
}
