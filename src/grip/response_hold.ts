/**
 * A held long-poll (spec 2.5): nothing is sent until the first item that fits, or the time is up. Where the client is
 * followed by ids, a gap sends its original request to the origin again; the answer replaces this hold.
 */
import { describeError } from "../errors.ts";
import { type Delivery, prepareItem, reportRefused } from "./delivery.ts";
import type { ResponseHead } from "./head.ts";
import { headerValues, isGrip, keepExposed, overlayHeaders, stripHops } from "./headers.ts";
import { gripLast, type HeldChannel } from "./held_channel.ts";
import { HeldChannels, type HoldOptions } from "./held_channels.ts";
import type { Hold, Instruct } from "./instruct.ts";
import { applyBodyPatch } from "./body_patch.ts";
import type { HttpResponseFormat, PublishItem } from "./publish_item.ts";
import type { EndReason, HoldTimer, ItemVerdict, SessionPort } from "./session_port.ts";
import { utf8 } from "./text.ts";

type Send = HttpResponseFormat & { readonly action: "send" };

export class ResponseHold {
  readonly #port: SessionPort;
  readonly #instruct: Instruct;
  readonly #channels: HeldChannels;
  readonly #timeoutMs: number;
  readonly #debug: boolean;
  /**
   * starting: subscribing; conflicts are collected. Next: holding, ended.
   * holding: everything may be called. Next: ended.
   * ended: whatever is called does nothing.
   */
  #state: "starting" | "holding" | "ended" = "starting";

  constructor(port: SessionPort, instruct: Instruct & { readonly hold: Hold }, options: HoldOptions = {}) {
    this.#port = port;
    this.#instruct = instruct;
    this.#debug = options.debug ?? false;
    this.#timeoutMs = instruct.hold.mode === "response" ? instruct.hold.timeoutSeconds * 1000 : 0;
    this.#channels = new HeldChannels(port, options);
  }

  /** Subscribes, compares ids, waits. */
  start(): void {
    this.#channels.take(this.#instruct.channels);
    // Ended already where a port ends sessions while it subscribes them.
    if (this.#state !== "starting") return;
    this.#state = "holding";
    const conflicts = this.#channels.all.filter((channel) => channel.conflicting);
    if (conflicts.length > 0) return this.#retryFor(conflicts);
    this.#port.setTimer("timeout", this.#timeoutMs);
  }

  /** The channel's last id as far as anybody knows. */
  subscribed(channel: HeldChannel, lastId: string | undefined): void {
    if (this.#state === "ended") return;
    const verdict = channel.compare(lastId);
    if (verdict === "same" || this.#state === "starting") return;
    // After a lost link there is no telling what was missed, and many ask at once: not now, but soon.
    if (verdict === "interrupted") return this.#port.requestUpdate("low", "");
    this.#retryFor([channel]);
  }

  item(channel: HeldChannel, item: PublishItem): ItemVerdict {
    const format = item.formats["http-response"];
    if (this.#state === "ended") return "ended";
    if (format === undefined) return "no-action";
    if (format.action === "hint") {
      // The origin is to say what is new: the client's place in the order does not move.
      this.#port.requestUpdate("high", "");
      return "hint";
    }
    if (!channel.advance(item)) {
      this.#port.forgetLastId(channel);
      this.#port.requestUpdate("low", "");
      return "gap";
    }
    if (format.action !== "send") return "no-action";
    const prepared = prepareItem(format.contentFilters, this.#bodyOf(format), {
      item,
      channel,
      channels: this.#channels.all,
      meta: this.#instruct.meta,
    });
    if (prepared.kind === "send") {
      this.#port.respond(overlaidHead(this.#instruct.head, format), prepared.content, item);
      this.#end("delivered");
      return "sent";
    }
    return this.#refused(channel, prepared);
  }

  /** The channel was subscribed to for the first time anywhere, or every session is to recover (spec 4.5, 4.6). */
  updateSoon(): void {
    if (this.#state === "holding") this.#port.requestUpdate("low", "");
  }

  /** The update asked for is due. */
  update(): void {
    if (this.#state === "holding") this.#retry();
  }

  timer(timer: HoldTimer): void {
    if (timer === "timeout" && this.#state === "holding") this.#answer("timeout");
  }

  clientGone(): void {
    this.#end("client-gone");
  }

  /** The process goes down: the client gets what it would get at its timeout, and asks again elsewhere. */
  drain(): void {
    if (this.#state === "holding") this.#answer("drained");
  }

  /** Something broke that is not the client's fault. */
  fail(): void {
    if (this.#state === "ended") return;
    this.#port.respond(BAD_GATEWAY, FAILED_BODY);
    this.#end("error");
  }

  #answer(reason: "timeout" | "drained"): void {
    this.#port.respond(this.#instruct.head, this.#instruct.body);
    this.#end(reason);
  }

  #refused(channel: HeldChannel, refused: Delivery & { readonly kind: "drop" | "failed" }): ItemVerdict {
    const verdict = reportRefused(this.#port, channel, refused);
    if (this.#debug && refused.kind === "failed") {
      this.#port.respond(BAD_GATEWAY, utf8(`${refused.message}\n`));
      this.#end("filter-failed");
    }
    return verdict;
  }

  /** The published body, or the held one patched; a patch that fails leaves no body (spec 3.2). */
  #bodyOf(format: Send): Uint8Array {
    if (format.body instanceof Uint8Array) return format.body;
    try {
      return applyBodyPatch(this.#instruct.body, format.body.patch);
    } catch (thrown) {
      this.#port.note(`Sent without body: ${describeError(thrown)}`);
      return NO_BODY;
    }
  }

  #retryFor(conflicts: readonly HeldChannel[]): void {
    // Forgotten, or the origin's same answer would conflict again, and again.
    for (const channel of conflicts) this.#port.forgetLastId(channel);
    this.#retry();
  }

  #retry(): void {
    this.#release();
    this.#port.askOrigin({ kind: "retry", gripLast: gripLast(this.#channels.all) });
  }

  #end(reason: EndReason): void {
    if (this.#state === "ended") return;
    this.#release();
    this.#port.end(reason);
  }

  #release(): void {
    this.#state = "ended";
    this.#port.clearTimer("timeout");
    this.#port.cancelUpdate();
    this.#channels.leaveAll();
    const { goneLink } = this.#instruct;
    if (goneLink !== undefined) this.#port.askOrigin({ kind: "gone", uri: goneLink });
  }
}

const BAD_GATEWAY: ResponseHead = {
  code: 502,
  reason: "Bad Gateway",
  headers: [["Content-Type", "text/plain"]],
};
const FAILED_BODY = utf8("Error while proxying to origin.\n");
const NO_BODY = new Uint8Array(0);
/** The held head with the published one laid over it (spec 2.5). */
function overlaidHead(held: ResponseHead, format: Send): ResponseHead {
  const exposed = headerValues(format.headers, "Grip-Expose-Headers");
  // Content-Encoding is the publisher's: he encoded the body.
  const published = stripHops(format.headers).filter(([name]) => !isGrip(name));
  const headers = overlayHeaders(held.headers, published);
  return {
    code: format.code,
    reason: format.reason,
    // The original removes the listed fields here; the name and the rest of GRIP say that they alone are kept.
    headers: exposed.length === 0 ? headers : keepExposed(headers, namesIn(exposed)),
  };
}

function namesIn(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(",")).map((name) => name.trim().toLowerCase());
}
