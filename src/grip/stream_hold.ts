/**
 * A held stream, and a body put together from pages (spec 2.4, 2.6, 2.7): both are a response that is under way and goes
 * on with published items, with what next links bring, or with both. While a body is passed on or the origin is asked,
 * items wait in a queue: what the origin sends may contain them already, and its prev-ids tell.
 */
import { describeError } from "../errors.ts";
import { prepareStreamItem, reportRefused } from "./delivery.ts";
import { gripLast, type HeldChannel, unrecoverable } from "./held_channel.ts";
import { HeldChannels, type HoldOptions } from "./held_channels.ts";
import { type Instruct, onceSent } from "./instruct.ts";
import { ItemQueue } from "./item_queue.ts";
import { KeepAliveClock } from "./keep_alive.ts";
import { NextClock, NextFetch } from "./next_fetch.ts";
import type { PublishItem } from "./publish_item.ts";
import { StreamBody } from "./stream_body.ts";
import type { EndReason, HoldTimer, ItemVerdict, SessionPort, UpdatePriority } from "./session_port.ts";
import { utf8 } from "./text.ts";

export class StreamHold {
  readonly #port: SessionPort;
  readonly #channels: HeldChannels;
  readonly #keepAlive: KeepAliveClock;
  readonly #next: NextClock;
  readonly #body = new StreamBody();
  readonly #debug: boolean;
  readonly #goneLink: string | undefined;
  /** The latest word of the origin. */
  #instruct: Instruct;
  readonly #queue = new ItemQueue();
  /**
   * relaying: a body passes, the first one or a next link's. Items queue. Next: holding, fetching, backing-off, ended.
   * holding: items are sent as they come. Next: fetching, ended.
   * fetching: a next link is asked, no head yet. Items queue. Next: relaying, backing-off, ended.
   * backing-off: the fetch failed and waits. Items queue. Next: fetching, ended.
   * ended: whatever is called does nothing.
   */
  #state: "relaying" | "holding" | "fetching" | "backing-off" | "ended" = "relaying";
  /** The next link that is asked; undefined while the first body passes and while holding. */
  #fetch: NextFetch | undefined;
  #again: UpdatePriority | undefined; // an update that came while one was running (spec 4.5)
  #draining = false;

  /** `instruct` has a stream hold, or none and a next link. */
  constructor(port: SessionPort, instruct: Instruct, options: HoldOptions = {}) {
    this.#port = port;
    this.#channels = new HeldChannels(port, options);
    this.#keepAlive = new KeepAliveClock(port);
    this.#next = new NextClock(port);
    this.#debug = options.debug ?? false;
    this.#instruct = instruct;
    this.#goneLink = instruct.goneLink;
  }

  /** Sends the head and takes `instruct.body`; where that is not all, `bodyChunk` and `bodyEnd` bring the rest. */
  start(body: "whole" | "streamed" = "whole"): void {
    this.#port.sendHead(this.#instruct.head);
    this.#body.open(this.#instruct);
    // Subscribed before anything is compared or sent: an item published now waits in the queue instead of being lost.
    if (this.#instruct.hold !== undefined && unrecoverable(this.#instruct) === undefined) {
      this.#channels.take(this.#instruct.channels);
    }
    if (this.#instruct.body.length > 0) this.bodyChunk(this.#instruct.body);
    this.#instruct = onceSent(this.#instruct);
    if (body === "whole") this.bodyEnd();
  }

  subscribed(channel: HeldChannel, lastId: string | undefined): void {
    const verdict = channel.compare(lastId);
    if (verdict === "same" || this.#state === "ended") return;
    if (verdict === "conflict") this.#port.forgetLastId(channel);
    this.#want("low");
  }

  /** An item of a channel. The plain case costs a few comparisons and one `sendBody`. */
  item(channel: HeldChannel, item: PublishItem): ItemVerdict {
    const format = item.formats["http-stream"];
    if (format === undefined) return "no-action";
    if (
      this.#state !== "holding" || channel.guarded || format.action !== "send" ||
      format.contentFilters !== undefined
    ) return this.#take(channel, item);
    channel.active = true;
    return this.#send(channel, item, format.content);
  }

  /** The channel was subscribed to for the first time anywhere, or every session is to recover (spec 4.5, 4.6). */
  updateSoon(): void {
    this.#want("low");
  }

  /** The update asked for is due. */
  update(): void {
    if (this.#state === "holding") this.#fetchNext();
    else this.#want("low");
  }

  /** A next link answered; `instruct` is undefined where its headers cannot be read (`why` says it). */
  nextHead(code: number, instruct: Instruct | undefined, why = ""): void {
    if (this.#state !== "fetching") return;
    if (code < 200 || code > 299 || instruct === undefined || instruct.hold?.mode === "response") {
      this.#port.cancelAsk();
      return this.bodyFailed(why || `next link answered ${code} Grip-Hold ${instruct?.hold?.mode ?? "none"}`);
    }
    // Its word replaces all there was (spec 2.7); a page that only leads on keeps the subscriptions.
    this.#instruct = instruct;
    if (instruct.hold !== undefined) this.#channels.take(instruct.channels);
    this.#state = "relaying";
    this.#body.open(instruct);
  }

  bodyChunk(bytes: Uint8Array): void {
    if (this.#state !== "relaying") return;
    this.#relay(() => this.#body.push(bytes));
  }

  bodyEnd(): void {
    if (this.#state !== "relaying") return;
    if (!this.#relay(() => this.#body.end())) return;
    this.#fetch = undefined;
    this.#settle();
  }

  /** The body broke off, or a next link gave no answer at all. */
  bodyFailed(why: string): void {
    if (this.#state !== "relaying" && this.#state !== "fetching") return;
    const fetch = this.#fetch;
    // What was passed on cannot be taken back: only a fetch that brought nothing may be repeated.
    if (fetch !== undefined && !this.#body.begun && fetch.askLater()) {
      this.#port.note(`Next link "${fetch.uri}" failed, asked again later: ${why}`);
      this.#state = "backing-off";
      return;
    }
    this.#cut("origin-failed", why);
  }

  timer(timer: HoldTimer): void {
    if (this.#state === "ended") return;
    if (timer === "keep-alive") {
      const data = this.#keepAlive.due();
      if (data !== undefined && !this.#port.sendBody(data, "keep-alive")) this.#end("slow-client");
    } else if (timer === "retry" && this.#state === "backing-off") this.#ask();
    else if (timer === "next" && this.#state === "holding") {
      if (this.#next.due(this.#channels.all)) this.#want("low");
      else this.#next.start(this.#instruct.nextLink);
    }
  }

  clientGone(): void {
    this.#end("client-gone");
  }

  slowClient(): void {
    this.#end("slow-client");
  }

  /** The process goes down: a stream ends cleanly, at once or when the body that is passing has passed. */
  drain(): void {
    if (this.#state !== "relaying" && this.#instruct.hold !== undefined) this.#end("drained");
    else this.#draining = true;
  }

  fail(): void {
    this.#end("error");
  }

  #take(channel: HeldChannel, item: PublishItem): ItemVerdict {
    if (this.#state === "ended") return "ended";
    if (item.formats["http-stream"]?.action === "hint") {
      // The origin is to say what is new: the client's place in the order does not move.
      this.#want("high");
      return "hint";
    }
    if (this.#state === "holding") return this.#deliver(channel, item);
    if (this.#queue.push(channel, item)) return "queued";
    this.#port.dropped(channel, "queue-full");
    // Asked for once more when the answer is there: that may be older than what it leaves out.
    if (channel.prevId !== undefined) this.#want("low");
    return "queue-full";
  }

  #deliver(channel: HeldChannel, item: PublishItem): ItemVerdict {
    const format = item.formats["http-stream"];
    if (format === undefined) return "no-action";
    if (!channel.advance(item)) {
      this.#port.forgetLastId(channel);
      this.#queue.clear();
      this.#want("low");
      return "gap";
    }
    channel.active = true;
    const context = { item, channel, channels: this.#channels.all, meta: this.#instruct.meta };
    const prepared = prepareStreamItem(format, context);
    if (prepared.kind === "send") {
      if (format.action === "send") return this.#send(channel, item, prepared.content);
      this.#end("closed");
      return "sent";
    }
    const verdict = reportRefused(this.#port, channel, prepared);
    if (this.#debug && prepared.kind === "failed") {
      this.#say(prepared.message);
      this.#end("filter-failed");
    }
    return verdict;
  }

  #send(channel: HeldChannel, item: PublishItem, bytes: Uint8Array): ItemVerdict {
    if (this.#port.sendBody(bytes, item)) {
      this.#keepAlive.sent();
      return "sent";
    }
    this.#port.dropped(channel, "slow-client");
    this.#end("slow-client");
    return "slow-client";
  }

  /** False where that was the end of it. */
  #relay(filtered: () => Uint8Array): boolean {
    let bytes: Uint8Array;
    try {
      bytes = filtered();
    } catch (thrown) {
      this.#cut("filter-failed", describeError(thrown));
      return false;
    }
    if (bytes.length === 0) return true;
    this.#keepAlive.stop();
    if (this.#port.sendBody(bytes)) return true;
    this.#end("slow-client");
    return false;
  }

  #say(message: string): void {
    this.#port.sendBody(utf8(`\n\n${message}\n`));
  }

  #cut(reason: "origin-failed" | "filter-failed", why: string): void {
    this.#port.note(`Stream cut: ${why}`);
    if (this.#debug) this.#say(why);
    this.#end(reason);
  }

  /** A body has passed: what now? */
  #settle(): void {
    const { hold, nextLink } = this.#instruct;
    if (hold === undefined) return nextLink === undefined ? this.#end("closed") : this.#fetchNext();
    const why = unrecoverable(this.#instruct);
    if (why !== undefined) {
      this.#port.note(why);
      if (this.#debug) this.#say(why);
      return this.#end("closed");
    }
    if (this.#draining) return this.#end("drained");
    this.#state = "holding";
    for (const { channel, item } of this.#queue.takeFresh(this.#channels.all)) this.#take(channel, item);
    // As flushing may have ended it all. A gap has not: the other channels' items are as good as ever.
    if ((this.#state as string) !== "holding") return;
    this.#keepAlive.start(hold.mode === "stream" ? hold.keepAlive : undefined);
    this.#next.start(nextLink);
    const again = this.#again;
    this.#again = undefined;
    if (again !== undefined) this.#want(again);
  }

  #want(priority: UpdatePriority): void {
    const { nextLink } = this.#instruct;
    if (this.#state !== "holding") {
      if (this.#again !== "high") this.#again = priority;
    } else if (nextLink !== undefined) this.#port.requestUpdate(priority, nextLink.uri);
  }

  #fetchNext(): void {
    const { hold, nextLink, channels } = this.#instruct;
    if (nextLink === undefined) return;
    this.#port.cancelUpdate();
    this.#next.stop();
    for (const channel of this.#channels.all) channel.active = false;
    const last = gripLast(hold === undefined ? channels : this.#channels.all);
    this.#fetch = new NextFetch(this.#port, nextLink.uri, last);
    this.#ask();
  }

  #ask(): void {
    this.#state = "fetching";
    this.#body.open(undefined);
    this.#fetch?.ask();
  }

  #end(reason: EndReason): void {
    if (this.#state === "ended") return;
    const asking = this.#state === "fetching" || (this.#state === "relaying" && this.#fetch !== undefined);
    this.#state = "ended";
    this.#queue.clear();
    if (asking) this.#port.cancelAsk();
    this.#port.cancelUpdate();
    for (const timer of ["keep-alive", "next", "retry"] as const) this.#port.clearTimer(timer);
    this.#channels.leaveAll();
    if (this.#goneLink !== undefined) this.#port.askOrigin({ kind: "gone", uri: this.#goneLink });
    this.#port.end(reason);
  }
}
