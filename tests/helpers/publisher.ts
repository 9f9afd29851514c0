/** A publisher that notes what was acknowledged, for tests of processes that die. */
import { type Backend, CHANNEL } from "./history_backend.ts";
import { pause } from "./wait.ts";

/** Publishes m1, m2 … with ids, in order, each until it is acknowledged. */
export class Publisher {
  /** When each message was acknowledged, by `performance.now()`. */
  readonly acknowledged = new Map<string, number>();
  refusals = 0;
  readonly #controlUrl: string;
  readonly #backend: Backend;
  readonly #everyMs: number;
  #open = true;
  readonly done: Promise<void>;

  constructor(controlUrl: string, backend: Backend, perSecond: number) {
    this.#controlUrl = controlUrl;
    this.#backend = backend;
    this.#everyMs = 1000 / perSecond;
    this.done = this.#run();
  }

  /** Finishes the message that is under way. */
  async stop(): Promise<void> {
    this.#open = false;
    await this.done;
  }

  async #run(): Promise<void> {
    for (let number = 1; this.#open; number++) {
      const id = `m${number}`;
      const next = performance.now() + this.#everyMs;
      // The backend's truth comes first, as in a real one: who asks now is told at once.
      this.#backend.messages.push(id);
      while (!await this.#publish(id, `m${number - 1}`)) {
        this.refusals++;
        await pause(10);
      }
      this.acknowledged.set(id, performance.now());
      await pause(Math.max(0, next - performance.now()));
    }
  }

  async #publish(id: string, prevId: string): Promise<boolean> {
    const item = {
      channel: CHANNEL,
      id,
      "prev-id": prevId,
      formats: { "http-stream": { content: `${id}\n` }, "http-response": { body: `${id}\n` } },
    };
    try {
      const response = await fetch(`${this.#controlUrl}/publish/`, {
        method: "POST",
        body: JSON.stringify({ items: [item] }),
      });
      await response.body?.cancel();
      return response.status === 200;
    } catch {
      // Nobody listens, or it died before it answered: not acknowledged.
      return false;
    }
  }
}
