/** Clients of the simulated backend. Each knows what it may see next, and says so at once when it sees anything else. */
import type { Route } from "../../src/routes/route.ts";
import type { ProxyRequest } from "../../src/server/proxy/asking.ts";
import type { SessionKeeper } from "../../src/server/proxy/hold_keeper.ts";
import { type Backend, instructOf } from "./backend.ts";
import type { World } from "./virtual_world.ts";

export interface Surroundings {
  readonly world: World;
  readonly keeper: SessionKeeper;
  readonly backend: Backend;
  readonly route: Route;
}

let ids = 0;

/** What all kinds of clients share: a place in each channel, and leaving. */
export abstract class Client {
  readonly name: string;
  readonly around: Surroundings;
  readonly cursors = new Map<string, number>();
  readonly abort = new AbortController();
  /** What was seen that should not have been. */
  violation: string | undefined;
  #text = "";

  constructor(name: string, around: Surroundings) {
    this.name = name;
    this.around = around;
  }

  get left(): boolean {
    return this.abort.signal.aborted;
  }

  abstract run(): Promise<void>;

  leave(): void {
    this.abort.abort();
  }

  /** Takes text as it comes; a token counts when it is whole. */
  see(text: string): void {
    this.#text += text;
    while (true) {
      const end = this.#text.indexOf(";");
      if (end === -1) return;
      const [channel = "", n = ""] = this.#text.slice(0, end).split(":");
      this.#text = this.#text.slice(end + 1);
      this.take(channel, Number(n));
    }
  }

  /** The connection is gone, and half a token with it. */
  lost(): void {
    this.#text = "";
  }

  take(channel: string, n: number): void {
    const expected = (this.cursors.get(channel) ?? 0) + 1;
    if (n !== expected && !this.left) {
      this.violation ??=
        `${this.name} saw ${channel}:${n} at ${this.around.world.nowMs} ms, wanted ${expected}`;
    }
    this.cursors.set(channel, n);
  }

  request(): ProxyRequest {
    const client = {
      method: "GET",
      tls: false,
      authority: "example.com",
      path: "/",
      headers: [],
      peer: { kind: "unix" as const },
      signal: this.abort.signal,
    };
    return { client, route: this.around.route, uri: "http://example.com/", id: `sim:${++ids}` };
  }

  async readAll(response: Response): Promise<void> {
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    const cancel = () => void reader?.cancel().catch(() => {}); // it was cut before
    this.abort.signal.addEventListener("abort", cancel);
    try {
      while (!this.left) {
        const piece = await reader?.read();
        if (piece === undefined || piece.done) return;
        this.see(decoder.decode(piece.value, { stream: true }));
      }
    } catch {
      // Cut: what came before counts, and the client comes back.
    } finally {
      this.lost();
      this.abort.signal.removeEventListener("abort", cancel);
    }
  }
}

/** Reads a reliable stream; when it is cut, comes back and says what it has. */
export class StreamClient extends Client {
  override async run(): Promise<void> {
    const { backend, keeper, world } = this.around;
    while (!this.left) {
      const answer = await backend.openStream(this.cursors);
      if (this.left) return;
      await this.readAll(await keeper.keep(this.request(), answer, backend));
      await world.sleep(world.between(10, 500));
    }
  }
}

/** Polls, and says each time what it has. */
export class PollClient extends Client {
  override async run(): Promise<void> {
    const { backend, keeper, world } = this.around;
    while (!this.left) {
      const answer = await backend.poll(this.cursors);
      if (this.left) return;
      const response = answer.kind === "instruct"
        ? await keeper.keep(this.request(), answer, backend)
        : answer.kind === "relay"
        ? answer.response
        : new Response(null, { status: 502 });
      await this.readAll(response);
      await world.sleep(world.between(1, 100));
    }
  }
}

/** Reads a plain stream without ids: in a calm world the sequencer alone keeps its order. */
export class PlainClient extends Client {
  #started = false;

  override async run(): Promise<void> {
    const { backend, keeper } = this.around;
    const answer = instructOf([["Grip-Hold", "stream"], ["Grip-Channel", "plain"]], "");
    await this.readAll(await keeper.keep(this.request(), answer, backend));
  }

  override take(channel: string, n: number): void {
    // Where it begins is where it happens to come in.
    if (!this.#started) this.cursors.set(channel, n - 1);
    this.#started = true;
    super.take(channel, n);
  }
}
