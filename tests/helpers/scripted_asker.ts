/** An origin for held sessions, without a wire: answers retries and links as the test says, and remembers what was asked. */
import type { Header } from "../../src/grip/head.ts";
import type { Answer, Asker, LinkAnswer, ProxyRequest } from "../../src/server/proxy/asking.ts";

export type Script = (asked: string) => LinkAnswer | Answer | Promise<LinkAnswer | Answer>;

export class ScriptedAsker implements Asker {
  /** `retry [Grip-Last]…`, `GET uri [Grip-Last]…`, `POST uri`; oldest first. */
  readonly asked: string[] = [];
  readonly signals: AbortSignal[] = [];
  script: Script = () => Promise.reject(new Error("connection refused"));

  async retry(_request: ProxyRequest, gripLast: readonly Header[], signal: AbortSignal): Promise<Answer> {
    return await this.#ask(`retry${last(gripLast)}`, signal) as Answer;
  }

  async fetchLink(
    _request: ProxyRequest,
    link: { readonly method: string; readonly uri: string; readonly gripLast: readonly Header[] },
    signal: AbortSignal,
  ): Promise<LinkAnswer> {
    return await this.#ask(`${link.method} ${link.uri}${last(link.gripLast)}`, signal) as LinkAnswer;
  }

  async #ask(what: string, signal: AbortSignal): Promise<LinkAnswer | Answer> {
    this.asked.push(what);
    this.signals.push(signal);
    return await this.script(what);
  }
}

function last(gripLast: readonly Header[]): string {
  return gripLast.map(([, value]) => ` [${value}]`).join("");
}
