/** A link between proxy and handler that is slow, keeps the order, and may be cut with everything that is on its way. */
import type { LinkClose, LinkEnd } from "../../src/server/link/link.ts";
import type { World } from "./virtual_world.ts";

export interface LossyLink<Up, Down> {
  readonly proxyEnd: LinkEnd<Up, Down>;
  readonly handlerEnd: LinkEnd<Down, Up>;
  cut(): void;
}

export function createLossyLink<Up, Down>(world: World): LossyLink<Up, Down> {
  const proxyEnd = new LossyEnd<Up, Down>(world);
  const handlerEnd = new LossyEnd<Down, Up>(world);
  proxyEnd.peer = handlerEnd;
  handlerEnd.peer = proxyEnd;
  return {
    proxyEnd,
    handlerEnd,
    cut: () => {
      proxyEnd.close("peer");
      handlerEnd.close("peer");
    },
  };
}

class LossyEnd<Out, In> implements LinkEnd<Out, In> {
  readonly closed: Promise<LinkClose>;
  peer!: LossyEnd<In, Out>;
  readonly #world: World;
  #open = true;
  #settle!: (why: LinkClose) => void;
  #handler: ((message: In) => void) | undefined;
  #lastDueMs = 0;

  constructor(world: World) {
    this.#world = world;
    this.closed = new Promise((resolve) => this.#settle = resolve);
  }

  send(message: Out): Promise<void> {
    if (!this.#open) return Promise.reject(new Error("link closed"));
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#world.nowMs + this.#world.between(0, 40));
    this.#world.after(this.#lastDueMs - this.#world.nowMs, () => this.peer.#take(message));
    return Promise.resolve();
  }

  receive(handler: (message: In) => void): void {
    this.#handler = handler;
  }

  close(why: LinkClose): void {
    if (!this.#open) return;
    this.#open = false;
    this.#settle(why);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close("ours");
    return Promise.resolve();
  }

  #take(message: In): void {
    if (this.#open) this.#handler?.(message);
  }
}
