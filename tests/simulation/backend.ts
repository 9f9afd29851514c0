/**
 * A backend as GRIP wants it: it keeps the history of its channels, numbers the items from 1, answers polls, streams and
 * next links from where the client stands, and publishes each item with its id and the one before. It may be slow, and
 * while it is `shaky` it fails.
 */
import type { Header, ResponseHead } from "../../src/grip/head.ts";
import { parseInstruct } from "../../src/grip/instruct.ts";
import type { PublishItem } from "../../src/grip/publish_item.ts";
import type { Answer, Asker, LinkAnswer, ProxyRequest } from "../../src/server/proxy/asking.ts";
import type { World } from "./virtual_world.ts";

export type InstructAnswer = Answer & { readonly kind: "instruct" };

/** Where a client stands in each of its channels: the number of the last item it has. */
export type Cursors = ReadonlyMap<string, number>;

/** How long a long-poll or a quiet stream waits before it asks again. */
export const ASK_AGAIN_SECONDS = 20;
const encoder = new TextEncoder();

export class Backend implements Asker {
  /** The number of the newest item by channel. */
  readonly newest = new Map<string, number>();
  shaky = false;
  /** Requests served, for the record. */
  asked = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Makes a channel's next item, at once part of the history. */
  create(channel: string): PublishItem {
    const n = (this.newest.get(channel) ?? 0) + 1;
    this.newest.set(channel, n);
    const content = encoder.encode(token(channel, n));
    return {
      channel,
      id: String(n),
      prevId: String(n - 1),
      formats: {
        "http-stream": { action: "send", content },
        "http-response": { action: "send", code: 200, reason: "OK", headers: [], body: content },
      },
      meta: new Map(),
      noSeq: false,
    };
  }

  /** What a client gets that opens a stream. */
  async openStream(cursors: Cursors): Promise<InstructAnswer> {
    await this.#think();
    const { body, headers } = this.#page(cursors);
    const answer = instructOf(headers, body);
    await this.#think();
    return answer;
  }

  /** What a client gets that polls: what is new, or a hold. */
  async poll(cursors: Cursors): Promise<Answer> {
    await this.#think();
    const { body, at } = this.#read(cursors);
    const answer: Answer = body !== "" ? { kind: "relay", response: new Response(body) } : instructOf([
      ["Grip-Hold", "response"],
      ["Grip-Timeout", String(ASK_AGAIN_SECONDS)],
      ...channelFields(at),
    ], "");
    await this.#think();
    return answer;
  }

  async retry(_request: ProxyRequest, gripLast: readonly Header[]): Promise<Answer> {
    this.asked++;
    if (this.#fails()) {
      return {
        kind: "refuse",
        head: { code: 502, reason: "", headers: [] },
        body: new Uint8Array(0),
        reason: "",
      };
    }
    return await this.poll(cursorsOf(gripLast));
  }

  async fetchLink(
    _request: ProxyRequest,
    link: { readonly uri: string; readonly gripLast: readonly Header[] },
  ): Promise<LinkAnswer> {
    this.asked++;
    await this.#think();
    if (this.#fails()) throw new Error("connection refused");
    const { body, headers } = this.#page(cursorsOf(link.gripLast));
    const failed = this.#fails();
    await this.#think();
    const head: ResponseHead = { code: failed ? 503 : 200, reason: "", headers };
    return { head, body: this.#stream(body), uri: link.uri };
  }

  #page(cursors: Cursors): { readonly body: string; readonly headers: readonly Header[] } {
    const { body, at } = this.#read(cursors);
    return {
      body,
      headers: [
        ["Grip-Hold", "stream"],
        ...channelFields(at),
        ["Grip-Link", `</next>; rel=next; timeout=${ASK_AGAIN_SECONDS}`],
      ],
    };
  }

  #read(cursors: Cursors): { readonly body: string; readonly at: Cursors } {
    let body = "";
    const at = new Map<string, number>();
    for (const [channel, from] of cursors) {
      const to = this.newest.get(channel) ?? 0;
      for (let n = from + 1; n <= to; n++) body += token(channel, n);
      at.set(channel, to);
    }
    return { body, at };
  }

  /** In pieces, slowly, and while shaky not always to its end. */
  #stream(body: string): ReadableStream<Uint8Array> {
    const world = this.#world;
    const breaksAt = this.#fails() ? world.random.int(body.length + 1) : undefined;
    let at = 0;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await world.sleep(world.between(0, 30));
        if (at === breaksAt) return controller.error(new Error("connection reset"));
        if (at >= body.length) return controller.close();
        const to = Math.min(at + world.between(1, 40), breaksAt ?? body.length, body.length);
        controller.enqueue(encoder.encode(body.slice(at, to)));
        at = to;
      },
    }, { highWaterMark: 0 });
  }

  #fails(): boolean {
    return this.shaky && this.#world.random.chance(0.15);
  }

  #think(): Promise<void> {
    return this.#world.sleep(this.#world.between(0, 60));
  }
}

/** How an item reads in a body. */
export function token(channel: string, n: number): string {
  return `${channel}:${n};`;
}

function channelFields(at: Cursors): Header[] {
  return [...at].map(([channel, n]): Header => ["Grip-Channel", `${channel}; prev-id=${n}`]);
}

function cursorsOf(gripLast: readonly Header[]): Cursors {
  return new Map(gripLast.map(([, value]) => {
    const [channel = "", id = ""] = value.split("; last-id=");
    return [channel, Number(id)];
  }));
}

export function instructOf(headers: readonly Header[], body: string): InstructAnswer {
  return {
    kind: "instruct",
    instruct: parseInstruct({ code: 200, reason: "OK", headers }, encoder.encode(body)),
  };
}
