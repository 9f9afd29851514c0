/**
 * A client whose answer is an instruct, until it has its answer: the hold's way to the world. A hold that asks the origin
 * anew is replaced by whatever that says, while the client goes on waiting and notices nothing.
 */
import { describeError } from "../../errors.ts";
import type { ResponseHead } from "../../grip/head.ts";
import type { HeldChannel } from "../../grip/held_channel.ts";
import { ResponseHold } from "../../grip/response_hold.ts";
import type {
  EndReason,
  HoldTimer,
  ItemVerdict,
  OriginAsk,
  Sent,
  SessionPort,
  UpdatePriority,
} from "../../grip/session_port.ts";
import { StreamHold } from "../../grip/stream_hold.ts";
import type { Answer, Asker, ProxyRequest } from "./asking.ts";
import { BodyRun, type BodyRunTarget } from "./body_run.ts";
import { clientResponse, wantsNoBody } from "./client_response.ts";
import { ClientStream } from "./client_stream.ts";
import { ClientWatch } from "./client_watch.ts";
import { tellGone } from "./gone_link.ts";
import { type HoldMode, HoldRecord } from "./hold_record.ts";
import type { Give, HoldSurroundings } from "./hold_surroundings.ts";
import { internalError } from "./refusals.ts";
import { answerBody, askAgain, discard, endsWhole, resolveLink } from "./session_answer.ts";
import { SessionSubscriptions } from "./session_subscriptions.ts";
import { SessionTimers } from "./session_timers.ts";

export class HttpSession implements SessionPort {
  readonly request: ProxyRequest;
  readonly #asker: Asker;
  readonly #around: HoldSurroundings;
  /** Called once, and then let go: the response would stay in memory as long as the hold. */
  #give: Give | undefined;
  readonly #subscriptions: SessionSubscriptions;
  readonly #timers: SessionTimers;
  readonly #record: HoldRecord;
  readonly #watch = new ClientWatch();
  #hold: ResponseHold | StreamHold | undefined;
  #stream: ClientStream | undefined;
  #draining = false;
  /** The body that is passed on, or the question that runs. */
  #running: { cancel(): void } | undefined;
  /** What the relative links resolve against (spec 2.7). */
  #baseUri: string;

  /** @param give Takes what the listener sends, when it is known; it always comes. */
  constructor(request: ProxyRequest, asker: Asker, around: HoldSurroundings, give: Give) {
    this.request = request;
    this.#give = give;
    this.#asker = asker;
    this.#around = around;
    this.#baseUri = request.uri;
    this.#record = new HoldRecord(request, around);
    this.#subscriptions = new SessionSubscriptions(around.hub, request.route.prefix, this);
    const fire = (timer: HoldTimer) => this.#guard(() => this.#hold?.timer(timer));
    this.#timers = new SessionTimers(around.hub.timers, fire);
  }

  get id(): string {
    return this.request.id;
  }

  get #responded(): boolean {
    return this.#give === undefined;
  }

  get bucket(): string | undefined {
    return this.request.route.id;
  }

  /** The process goes down: the client gets what a timeout or an end would give it. */
  drain(): void {
    this.#draining = true;
    this.#guard(() => this.#hold?.drain());
  }

  /** Something in this session broke; it ends, and nothing else does. */
  failed(thrown: unknown): void {
    this.#around.log.error("hold failed", { connection: this.id, reason: describeError(thrown) });
    try {
      this.#hold?.fail();
    } catch (again) {
      this.#around.log.error("hold failed to end", { connection: this.id, reason: describeError(again) });
      if (this.#hold !== undefined) this.end("error");
    }
  }

  /** Holds by an answer: the first, or what a retry brought. */
  begin({ instruct, stream }: Answer & { readonly kind: "instruct" }): void {
    const { route, client } = this.request;
    const { connectionSubscriptionMax, debug } = this.#around.settings();
    const options = {
      maxChannels: connectionSubscriptionMax,
      debug: debug || route.debug,
      implicitChannels: [...new Set(route.targets.flatMap((target) => target.subs))],
    };
    const { hold } = instruct;
    if (hold?.mode === "response") {
      discard(stream);
      // Streams need no watch: theirs are cancelled.
      this.#watch.start(client.signal, () => this.#clientGone());
      if (this.#responded) return;
      const held = new ResponseHold(this, { ...instruct, hold }, options);
      this.#hold = held;
      this.#record.started("response");
      this.#guard(() => held.start());
    } else {
      if (wantsNoBody(instruct.head, client.method)) {
        discard(stream);
        return this.respond(instruct.head, new Uint8Array(0));
      }
      const held = new StreamHold(this, instruct, options);
      this.#hold = held;
      this.#record.started("stream");
      this.#guard(() => held.start(stream === undefined ? "whole" : "streamed"));
      if (this.#hold !== held) discard(stream);
      else if (stream !== undefined) this.#running = BodyRun.ofStream(stream, this.#target(held));
    }
    if (this.#draining) this.drain();
  }

  sendHead(head: ResponseHead): void {
    this.#stream = new ClientStream({
      maxQueuedBytes: this.#around.settings().clientQueueBytes,
      gathering: this.#around.gathering,
      onCancel: () => this.#clientGone(),
    });
    this.respond(head, this.#stream.readable);
  }

  sendBody(bytes: Uint8Array, of?: Sent): boolean {
    const taken = this.#stream?.write(bytes) ?? true;
    if (taken) this.#record.wrote(bytes, of);
    return taken;
  }

  respond(head: ResponseHead, body: Uint8Array | ReadableStream<Uint8Array<ArrayBuffer>>, of?: Sent): void {
    this.#record.answered(head, body, of);
    const { method } = this.request.client;
    this.#settle(clientResponse(head, body, { method, log: this.#around.log, id: this.id }));
    if (this.#hold === undefined) this.#around.ended(this.id);
  }

  end(reason: EndReason): void {
    this.cancelAsk();
    if (this.#stream !== undefined) {
      if (endsWhole(reason)) this.#stream.close();
      else this.#stream.cut(reason);
    }
    // Where the client left before its answer; nobody reads it.
    if (!this.#responded) this.#settle(new Response(null, { status: 499 }));
    this.#holdEnded(reason);
    this.#around.ended(this.id);
  }

  subscribe(channel: HeldChannel): void {
    this.#subscriptions.add(channel, this.#mode, this.#hold!);
  }

  unsubscribe(channel: HeldChannel): void {
    this.#subscriptions.remove(channel, this.#mode);
  }

  forgetLastId(channel: HeldChannel): void {
    this.#subscriptions.forgetLastId(channel);
  }

  requestUpdate(priority: UpdatePriority, key: string): void {
    this.#around.updates.request(this, priority, key);
  }

  cancelUpdate(): void {
    this.#around.updates.cancel(this);
  }

  update(): void {
    this.#guard(() => this.#hold?.update());
  }

  askOrigin(ask: OriginAsk): void {
    const { hub: { timers }, log } = this.#around;
    if (ask.kind === "gone") void tellGone(this.request, ask.uri, { asker: this.#asker, timers, log });
    else if (ask.kind === "retry") void this.#retry(ask);
    else this.#next(ask);
  }

  cancelAsk(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.cancel();
  }

  setTimer(timer: HoldTimer, delayMs: number): void {
    this.#timers.set(timer, delayMs);
  }

  clearTimer(timer: HoldTimer): void {
    this.#timers.clear(timer);
  }

  nowMs(): number {
    return performance.now();
  }

  random(max: number): number {
    return Math.floor(Math.random() * max);
  }

  dropped(channel: HeldChannel, reason: ItemVerdict, detail?: string): void {
    this.#record.dropped(channel, reason, detail);
  }

  note(message: string): void {
    this.#record.note(message);
  }

  get #mode(): HoldMode {
    return this.#hold instanceof ResponseHold ? "response" : "stream";
  }
  #holdEnded(reason: EndReason): void {
    if (this.#hold === undefined) return;
    this.#record.ended(this.#mode, reason);
    this.#hold = undefined;
  }

  #clientGone(): void {
    // Before the answer is there, a client that leaves aborts the signal; later its stream is cancelled.
    if (this.#responded && this.#stream === undefined) return;
    if (this.#hold !== undefined) return this.#guard(() => this.#hold?.clientGone());
    this.cancelAsk();
    if (this.#responded) return;
    this.#settle(new Response(null, { status: 499 }));
    this.#around.ended(this.id);
  }

  #settle(response: Response): void {
    const give = this.#give;
    this.#give = undefined;
    this.#watch.stop();
    give?.(response);
  }

  /** The original request once more; the client waits on (spec 4.5). */
  async #retry(ask: OriginAsk & { readonly kind: "retry" }): Promise<void> {
    this.#holdEnded("handed-back");
    const controller = new AbortController();
    this.#running = { cancel: () => controller.abort() };
    const around = { asker: this.#asker, log: this.#around.log, signal: controller.signal };
    const answer = await askAgain(this.request, ask.gripLast, around);
    // The client may have left meanwhile.
    if (this.#responded) return discard(answerBody(answer));
    this.#running = undefined;
    try {
      this.#answered(answer);
    } catch (thrown) {
      this.failed(thrown);
      if (!this.#responded) this.#answered(internalError());
    }
  }

  #answered(answer: Answer): void {
    if (answer.kind === "instruct" && (answer.instruct.hold ?? answer.instruct.nextLink) !== undefined) {
      return this.begin(answer);
    }
    if (answer.kind === "relay") {
      this.#settle(answer.response);
      return this.#around.ended(this.id);
    }
    if (answer.kind === "refuse") this.#record.note(`Retry refused: ${answer.reason}`);
    const { head, body } = answer.kind === "instruct" ? answer.instruct : answer;
    this.respond(head, body);
  }

  #next({ uri: link, gripLast }: OriginAsk & { readonly kind: "next" }): void {
    const hold = this.#hold;
    if (!(hold instanceof StreamHold)) return;
    const uri = resolveLink(link, this.#baseUri);
    if (uri === undefined) return hold.bodyFailed(`next link "${link}" is no http or https URI`);
    const reader = this.#around.links.ask({ request: this.request, asker: this.#asker, uri, gripLast });
    // Until its body is whole the same link may be asked again, from where it was.
    this.#running = BodyRun.ofLink(reader, this.#target(hold), (from) => this.#baseUri = from);
  }

  #target(hold: StreamHold): BodyRunTarget {
    return { hold, client: this.#stream!, failed: (thrown) => this.failed(thrown) };
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.failed(thrown);
    }
  }
}
