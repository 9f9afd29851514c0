/**
 * Next links, asked once for all who ask the same at the same moment (spec 1.9): the sessions of one update step have one
 * question, one answer, and each its own pace of reading it.
 *
 * A question is joined only until it is sent. Joining one that is under way, as the original does, can give a session an
 * answer older than the item that made it ask.
 */
import { describeError, PushpinError } from "../../errors.ts";
import type { Header, ResponseHead } from "../../grip/head.ts";
import type { Asker, LinkAnswer, ProxyRequest } from "./asking.ts";

/** Bytes that the others may be ahead of a reader before it is given up. */
export const MAX_BEHIND_BYTES = 1_048_576;

/** Thrown by `read` where others of the same answer are too far ahead. */
export class TooFarBehind extends Error {
  override readonly name = "TooFarBehind";
}

/** One session's part in an answer. */
export interface LinkReader {
  /** @throws {PushpinError} `PUSHPIN_ORIGIN_FAILED` where there is no answer. */
  head(): Promise<{ readonly head: ResponseHead; readonly uri: string }>;
  /** The next piece, shared and not to be changed; undefined at the end. @throws where the body breaks off. */
  read(): Promise<Uint8Array | undefined>;
  /** Wants no more. The request is given up when nobody does. */
  cancel(): void;
}

export interface LinkQuestion {
  readonly request: ProxyRequest;
  readonly asker: Asker;
  /** Absolute. */
  readonly uri: string;
  readonly gripLast: readonly Header[];
}

export class NextLinkFetcher {
  readonly #gathering = new Map<string, SharedAnswer>();
  readonly #routes = new WeakMap<object, number>();
  #routeCount = 0;

  ask(question: LinkQuestion): LinkReader {
    const key = this.#key(question);
    let shared = this.#gathering.get(key);
    if (shared === undefined) {
      const first = new SharedAnswer(question);
      shared = first;
      this.#gathering.set(key, first);
      queueMicrotask(() => {
        this.#gathering.delete(key);
        first.send();
      });
    }
    return shared.join();
  }

  /**
   * What makes questions equal. The whole URI: the original leaves the query out, but where no channel has an id the query
   * is all that tells one user from another.
   */
  #key({ request, uri, gripLast }: LinkQuestion): string {
    let route = this.#routes.get(request.route);
    if (route === undefined) this.#routes.set(request.route, route = this.#routeCount++);
    // Whether a link is asked by the route or directly hangs on the authority that the client used.
    const authority = request.uri.split("/", 3).join("/");
    return JSON.stringify([route, authority, uri, ...gripLast.map(([, value]) => value).sort()]);
  }
}

class SharedAnswer {
  readonly #question: LinkQuestion;
  readonly #readers = new Set<Reader>();
  readonly #abort = new AbortController();
  readonly #answered = Promise.withResolvers<LinkAnswer>();
  #body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #pulling = false;

  constructor(question: LinkQuestion) {
    this.#question = question;
    // Everyone may have left before it fails.
    this.#answered.promise.catch(() => {});
  }

  get answered(): Promise<LinkAnswer> {
    return this.#answered.promise;
  }

  join(): LinkReader {
    const reader = new Reader(this);
    this.#readers.add(reader);
    return reader;
  }

  leave(reader: Reader): void {
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return;
    this.#abort.abort();
    this.#body?.cancel().catch(() => {}); // aborted above: there is nothing left to be lost
  }

  send(): void {
    if (this.#readers.size === 0) return;
    const { request, asker, uri, gripLast } = this.#question;
    asker.fetchLink(request, { method: "GET", uri, gripLast }, this.#abort.signal).then(
      (answer) => {
        this.#body = answer.body?.getReader();
        if (this.#readers.size === 0) this.#body?.cancel().catch(() => {}); // everyone left while it was asked
        this.#answered.resolve(answer);
      },
      (thrown) => this.#answered.reject(thrown),
    );
  }

  /** A reader has nothing left: reads on, for everyone. */
  async pull(): Promise<void> {
    if (this.#pulling) return;
    this.#pulling = true;
    try {
      const piece = await this.#body?.read();
      this.#pulling = false;
      const bytes = piece === undefined || piece.done ? undefined : piece.value;
      for (const reader of [...this.#readers]) reader.give(bytes);
    } catch (cause) {
      this.#pulling = false;
      const error = new PushpinError(
        "PUSHPIN_ORIGIN_FAILED",
        `Cannot read next link "${this.#question.uri}": ${describeError(cause)}`,
        { cause },
      );
      for (const reader of [...this.#readers]) reader.fail(error);
    }
  }
}

class Reader implements LinkReader {
  readonly #shared: SharedAnswer;
  #pieces: Uint8Array[] = [];
  #behindBytes = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(shared: SharedAnswer) {
    this.#shared = shared;
  }

  head(): Promise<LinkAnswer> {
    return this.#shared.answered;
  }

  async read(): Promise<Uint8Array | undefined> {
    while (true) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#behindBytes -= piece.length;
        return piece;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended) return undefined;
      const given = new Promise<void>((resolve) => this.#wake = resolve);
      void this.#shared.pull();
      await given;
    }
  }

  cancel(): void {
    this.#ended = true;
    this.#pieces = [];
    this.#shared.leave(this);
    this.#wake?.();
  }

  give(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) this.#ended = true;
    else {
      this.#pieces.push(bytes);
      this.#behindBytes += bytes.length;
      if (this.#behindBytes > MAX_BEHIND_BYTES && this.#pieces.length > 1) {
        this.#pieces = [];
        this.fail(new TooFarBehind("Others of the same answer are too far ahead"));
        this.#shared.leave(this);
      }
    }
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#error = error;
    this.#wake?.();
  }
}
