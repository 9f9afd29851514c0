/**
 * What became of the items that went to the proxies. An item's receipt is whole when every proxy that got it has
 * answered, or is gone, or has let the deadline pass: a publisher who asked never waits for a proxy that hangs.
 */
import type { PublishItem } from "../../grip/publish_item.ts";
import type { TimerWheel } from "../hub/timer_wheel.ts";
import type { Receipt } from "../link/messages.ts";

/** How long a proxy may take to answer for an item. */
const DEADLINE_MS = 2000;

/** Nobody was interested. */
export const NO_RECEIPT: Receipt = {
  matched: 0,
  matchedByMode: { response: 0, stream: 0, ws: 0 },
  dropped: {},
};

interface Waiting {
  readonly item: PublishItem;
  readonly proxies: Set<object>;
  readonly sinceMs: number;
  receipt: Receipt;
  readonly whole: (receipt: Receipt) => void;
}

export class Receipts {
  /** In order of sending, so the oldest is first. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #timers: TimerWheel;
  readonly #now: () => number;
  #sweeping = false;

  constructor(timers: TimerWheel, now: () => number) {
    this.#timers = timers;
    this.#now = now;
  }

  /** `whole` is called once, with the sum over `proxies`. */
  expect(seq: number, item: PublishItem, proxies: Iterable<object>, whole: (receipt: Receipt) => void): void {
    this.#waiting.set(seq, {
      item,
      proxies: new Set(proxies),
      sinceMs: this.#now(),
      receipt: NO_RECEIPT,
      whole,
    });
    this.#sweepLater();
  }

  /** A proxy's answer; one that comes late or twice says nothing new. */
  answer(seq: number, proxy: object, receipt: Receipt): void {
    const waiting = this.#waiting.get(seq);
    if (waiting === undefined || !waiting.proxies.delete(proxy)) return;
    waiting.receipt = waiting.receipt === NO_RECEIPT ? receipt : addReceipts(waiting.receipt, receipt);
    if (waiting.proxies.size === 0) this.#settle(seq, waiting);
  }

  /** A proxy that is gone answers nothing any more. */
  gone(proxy: object): void {
    for (const [seq, waiting] of [...this.#waiting]) {
      if (waiting.proxies.delete(proxy) && waiting.proxies.size === 0) this.#settle(seq, waiting);
    }
  }

  #settle(seq: number, waiting: Waiting): void {
    this.#waiting.delete(seq);
    waiting.whole(waiting.receipt);
  }

  #sweepLater(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#timers.set(DEADLINE_MS, () => {
      this.#sweeping = false;
      const before = this.#now() - DEADLINE_MS;
      for (const [seq, waiting] of this.#waiting) {
        if (waiting.sinceMs > before) break;
        this.#settle(seq, waiting);
      }
      if (this.#waiting.size > 0) this.#sweepLater();
    });
  }
}

function addReceipts(a: Receipt, b: Receipt): Receipt {
  const dropped: Record<string, number> = { ...a.dropped };
  for (const [reason, count] of Object.entries(b.dropped)) dropped[reason] = (dropped[reason] ?? 0) + count;
  return {
    matched: a.matched + b.matched,
    matchedByMode: {
      response: a.matchedByMode.response + b.matchedByMode.response,
      stream: a.matchedByMode.stream + b.matchedByMode.stream,
      ws: a.matchedByMode.ws + b.matchedByMode.ws,
    },
    dropped,
  };
}
