/**
 * A link without a wire: two ends in one process, for `--single-process` and for tests. Messages are handed over as
 * the objects they are, in a microtask of their own, so that neither side runs inside the other's call, as on a socket.
 */
import { PushpinError } from "../../errors.ts";
import type { LinkClose, LinkEnd } from "./link.ts";
import { Turn } from "./turn.ts";

export interface MemoryLinkOptions<Down> {
  /**
   * Messages that may wait in one direction, for the microtask or for `receive()` to be called; one more closes both
   * ends with "overflow". Default 1 000 000: they are references, and a proxy re-announces all its channels in one go.
   */
  readonly maxWaiting?: number;
  /** Bytes that a message adds to a client's queue: where there are many, the rest is handed over in later turns. */
  readonly weigh?: (message: Down) => number;
}

/** Two joined ends. `Up` is what the proxy sends, `Down` what the handler sends. */
export function createMemoryLink<Up, Down>(
  options: MemoryLinkOptions<Down> = {},
): [proxyEnd: LinkEnd<Up, Down>, handlerEnd: LinkEnd<Down, Up>] {
  const maxWaiting = options.maxWaiting ?? 1_000_000;
  const proxyEnd = new MemoryEnd<Up, Down>(maxWaiting, options.weigh ?? weightless);
  const handlerEnd = new MemoryEnd<Down, Up>(maxWaiting, weightless);
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
  readonly #weigh: (message: In) => number;
  #settleClosed!: (why: LinkClose) => void;
  #open = true;
  #peer: MemoryEnd<In, Out> | undefined;
  #handler: ((message: In) => void) | undefined;
  #inbox: Waiting<In>[] = [];
  readonly #turn = new Turn();
  #draining = false;

  constructor(maxWaiting: number, weigh: (message: In) => number) {
    this.#maxWaiting = maxWaiting;
    this.#weigh = weigh;
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
    queueMicrotask(() => void this.#drain());
  }

  async #drain(): Promise<void> {
    // Swapped rather than shifted: what the handlers send back and forth meanwhile gets a microtask of its own.
    const batch = this.#inbox;
    this.#inbox = [];
    this.#turn.resume();
    for (const [index, { message, taken }] of batch.entries()) {
      if (this.#turn.over) await this.#turn.next();
      if (!this.#open) {
        for (const { lost } of batch.slice(index)) lost(closedError());
        break;
      }
      this.#turn.add(this.#weigh(message));
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

const weightless = () => 0;

function closedError(): PushpinError {
  return new PushpinError("PUSHPIN_LINK_FAILED", "Cannot send on the link: it is closed");
}
