/** A session keeper with a hub and a handler around it, joined by a memory link: everything of a hold but the sockets. */
import type { Header } from "../../src/grip/head.ts";
import { parseInstruct } from "../../src/grip/instruct.ts";
import { Metrics } from "../../src/metrics.ts";
import { Handler, type HandlerLimits } from "../../src/server/control/ingest.ts";
import { Hub } from "../../src/server/hub/hub.ts";
import { createMemoryLink } from "../../src/server/link/memory_link.ts";
import type { DownMessage, UpMessage } from "../../src/server/link/messages.ts";
import type { Answer, LinkAnswer, ProxyRequest } from "../../src/server/proxy/asking.ts";
import { SessionKeeper } from "../../src/server/proxy/hold_keeper.ts";
import type { HoldSettings } from "../../src/server/proxy/hold_surroundings.ts";
import { recordLog } from "./log_recorder.ts";
import { type ItemParts, publishItem } from "./recording_port.ts";
import { one } from "./route_lines.ts";
import { ScriptedAsker } from "./scripted_asker.ts";
import { eventually } from "./wait.ts";

export interface StandOptions extends Partial<HoldSettings> {
  readonly route?: string;
  readonly handler?: HandlerLimits;
}

export class HoldStand implements Disposable {
  readonly metrics = new Metrics();
  readonly log = recordLog();
  readonly hub: Hub;
  readonly handler: Handler;
  readonly keeper: SessionKeeper;
  readonly asker = new ScriptedAsker();
  readonly #route: ReturnType<typeof one>;
  #requests = 0;

  constructor(options: StandOptions = {}) {
    const { metrics, log } = this;
    const { route = "* localhost:80", handler, ...settings } = options;
    this.#route = one(route);
    this.hub = new Hub({ log, metrics });
    this.handler = new Handler({ log, metrics, updateOnFirstSubscription: false, ...handler });
    const [proxyEnd, handlerEnd] = createMemoryLink<UpMessage, DownMessage>();
    this.handler.attach(handlerEnd);
    this.hub.attach(proxyEnd);
    const whole = { clientQueueBytes: 1_048_576, connectionSubscriptionMax: 20, debug: false, ...settings };
    this.keeper = new SessionKeeper({ hub: this.hub, log, metrics, settings: () => whole });
  }

  /** Keeps a client whose origin answered with these headers. */
  hold(
    headers: readonly Header[],
    body: string | ReadableStream<Uint8Array> = "",
    client: { readonly method?: string; readonly signal?: AbortSignal; readonly path?: string } = {},
  ): Promise<Response> {
    const { method = "GET", signal = new AbortController().signal, path = "/feed" } = client;
    const request: ProxyRequest = {
      client: {
        method,
        signal,
        path,
        tls: false,
        authority: "example.com",
        headers: [],
        peer: { kind: "tcp", address: "127.0.0.1", port: 1 },
      },
      route: this.#route,
      uri: `http://example.com${path}`,
      id: `p:${++this.#requests}`,
    };
    const stream = typeof body === "string" ? undefined : body;
    const answer = { ...instructAnswer(headers, typeof body === "string" ? body : ""), stream };
    return this.keeper.keep(request, answer, this.asker);
  }

  /** Waits until that many channels are known to the handler. */
  async subscribed(channels = 1): Promise<void> {
    await eventually(() => [...this.handler.channels()].length >= channels, { what: "a subscription" });
  }

  async publish(parts: ItemParts): Promise<void> {
    await Promise.all((await this.handler.ingest([publishItem(parts)])).map((o) => o.receipt));
  }

  [Symbol.dispose](): void {
    this.hub[Symbol.dispose]();
    this.handler[Symbol.dispose]();
  }
}

export function instructAnswer(
  headers: readonly Header[],
  body = "",
): Answer & { readonly kind: "instruct" } {
  const head = { code: 200, reason: "OK", headers: [["Content-Type", "text/plain"] as const, ...headers] };
  return { kind: "instruct", instruct: parseInstruct(head, new TextEncoder().encode(body)) };
}

export function linkAnswer(headers: readonly Header[], body: string, uri: string, code = 200): LinkAnswer {
  return { head: { code, reason: "", headers }, body: new Response(body).body ?? undefined, uri };
}

/** Reads a streamed body bit by bit. */
export class BodyReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(response: Response) {
    this.#reader = response.body!.getReader();
  }

  /** Everything so far, once it ends with `tail`. */
  async until(tail: string): Promise<string> {
    while (!this.#text.endsWith(tail)) {
      const { done, value } = await this.#reader.read();
      if (done) {
        throw new Error(`Body ended with ${JSON.stringify(this.#text)}, wanted ${JSON.stringify(tail)}`);
      }
      this.#text += this.#decoder.decode(value, { stream: true });
    }
    return this.#text;
  }

  /** Everything, once it has ended. @throws what cut it */
  async end(): Promise<string> {
    while (true) {
      const { done, value } = await this.#reader.read();
      if (done) return this.#text;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}
