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
  SessionPort,
  UpdatePriority,
} from "../../grip/session_port.ts";
import { StreamHold } from "../../grip/stream_hold.ts";
import type { TimerHandle } from "../hub/timer_wheel.ts";
import type { Answer, Asker, ProxyRequest } from "./asking.ts";
import { BodyRun } from "./body_run.ts";
import { clientResponse, wantsNoBody } from "./client_response.ts";
import { ClientStream } from "./client_stream.ts";
import { tellGone } from "./gone_link.ts";
import type { HoldSurroundings } from "./hold_surroundings.ts";
import { internalError } from "./refusals.ts";
import { SessionSubscription } from "./session_subscription.ts";

type InstructAnswer = Answer & { readonly kind: "instruct" };

/** Reasons whose bodies are whole. */
const CLEAN: ReadonlySet<EndReason> = new Set(["closed", "delivered", "timeout", "drained"]);

export class HttpSession implements SessionPort {
  readonly #request: ProxyRequest;
  readonly #asker: Asker;
  readonly #around: HoldSurroundings;
  readonly #response = Promise.withResolvers<Response>();
  readonly #subscriptions: SessionSubscription[] = [];
  #timers: { [timer in HoldTimer]?: TimerHandle } = {};
  #hold: ResponseHold | StreamHold | undefined;
  #stream: ClientStream | undefined;
  #unwatch: (() => void) | undefined;
  #responded = false;
  #draining = false;
  /** The body that is passed on, or the question that runs. */
  #running: { cancel(): void } | undefined;
  /** What the relative links resolve against (spec 2.7). */
  #baseUri: string;

  constructor(request: ProxyRequest, asker: Asker, around: HoldSurroundings) {
    this.#request = request;
    this.#asker = asker;
    this.#around = around;
    this.#baseUri = request.uri;
  }

  get id(): string {
    return this.#request.id;
  }

  get bucket(): string | undefined {
    return this.#request.route.id;
  }

  /** What the listener sends; comes when it is known, always comes. */
  get response(): Promise<Response> {
    return this.#response.promise;
  }

  begin(answer: InstructAnswer): void {
    this.#start(answer);
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

  #start({ instruct, stream }: InstructAnswer): void {
    const { settings, metrics } = this.#around;
    const { route, client } = this.#request;
    const options = {
      maxChannels: settings.connectionSubscriptionMax,
      debug: settings.debug || route.debug,
      implicitChannels: [...new Set(route.targets.flatMap((target) => target.subs))],
    };
    const { hold } = instruct;
    if (hold?.mode === "response") {
      discard(stream);
      this.#watchClient();
      if (this.#responded) return;
      const held = new ResponseHold(this, { ...instruct, hold }, options);
      this.#hold = held;
      metrics.add("holds", "response");
      this.#guard(() => held.start());
    } else {
      if (wantsNoBody(instruct.head, client.method)) {
        discard(stream);
        return this.#respond(instruct.head, new Uint8Array(0));
      }
      const held = new StreamHold(this, instruct, options);
      this.#hold = held;
      metrics.add("holds", "stream");
      this.#guard(() => held.start(stream === undefined ? "whole" : "streamed"));
      if (this.#hold !== held) discard(stream);
      else if (stream !== undefined) this.#running = BodyRun.ofStream(stream, this.#target(held));
    }
    if (this.#draining) this.drain();
  }

  sendHead(head: ResponseHead): void {
    this.#stream = new ClientStream({
      maxQueuedBytes: this.#around.settings.clientQueueBytes,
      onCancel: () => this.#clientGone(),
    });
    this.#respond(head, this.#stream.readable);
  }

  sendBody(bytes: Uint8Array): boolean {
    return this.#stream?.write(bytes) ?? true;
  }

  respond(head: ResponseHead, body: Uint8Array): void {
    this.#respond(head, body);
  }

  end(reason: EndReason): void {
    this.cancelAsk();
    if (this.#stream !== undefined) {
      if (CLEAN.has(reason)) this.#stream.close();
      else this.#stream.cut(reason);
    }
    // Where the client left before its answer; nobody reads it.
    if (!this.#responded) this.#settle(new Response(null, { status: 499 }));
    this.#holdEnded(reason);
    this.#around.onEnd();
  }

  subscribe(channel: HeldChannel): void {
    const hold = this.#hold!;
    const subscription = new SessionSubscription(channel, this.#request.route.prefix, hold, this);
    this.#subscriptions.push(subscription);
    this.#around.hub.subscribe(subscription.fullName, this.#mode, subscription);
  }

  unsubscribe(channel: HeldChannel): void {
    const at = this.#subscriptions.findIndex((subscription) => subscription.channel === channel);
    if (at === -1) return;
    const [subscription] = this.#subscriptions.splice(at, 1);
    this.#around.hub.unsubscribe(subscription!.fullName, this.#mode, subscription!);
  }

  forgetLastId(channel: HeldChannel): void {
    const name = channel.implicit ? channel.name : this.#request.route.prefix + channel.name;
    this.#around.hub.forgetLastId(name);
  }

  requestUpdate(priority: UpdatePriority, key: string): void {
    this.#around.updates.request(this, priority, key);
  }

  cancelUpdate(): void {
    this.#around.updates.cancel(this);
  }

  /** For the scheduler. */
  update(): void {
    this.#guard(() => this.#hold?.update());
  }

  askOrigin(ask: OriginAsk): void {
    if (ask.kind === "gone") this.#gone(ask.uri);
    else if (ask.kind === "retry") void this.#retry(ask);
    else this.#next(ask);
  }

  cancelAsk(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.cancel();
  }

  setTimer(timer: HoldTimer, delayMs: number): void {
    const { timers } = this.#around.hub;
    const handle = this.#timers[timer];
    if (handle !== undefined) timers.move(handle, delayMs);
    else this.#timers[timer] = timers.set(delayMs, () => this.#guard(() => this.#hold?.timer(timer)));
  }

  clearTimer(timer: HoldTimer): void {
    const handle = this.#timers[timer];
    if (handle !== undefined) this.#around.hub.timers.clear(handle);
  }

  nowMs(): number {
    return performance.now();
  }

  random(max: number): number {
    return Math.floor(Math.random() * max);
  }

  dropped(channel: HeldChannel, reason: ItemVerdict, detail?: string): void {
    this.#around.metrics.add("hold_items_dropped", reason);
    const fields = { channel: channel.name, connection: this.id, reason, detail };
    if (reason === "content-filters") this.#around.log.debug("item not delivered", fields);
    else this.#around.log.warn("item not delivered", fields);
  }

  note(message: string): void {
    this.#around.log.debug(message, { connection: this.id, uri: this.#request.uri });
  }

  get #mode(): "response" | "stream" {
    return this.#hold instanceof ResponseHold ? "response" : "stream";
  }

  #holdEnded(reason: EndReason): void {
    const { metrics, log } = this.#around;
    if (this.#hold === undefined) return;
    metrics.add("holds", this.#mode, -1);
    metrics.add("holds_ended", reason);
    const fields = { connection: this.id, reason, uri: this.#request.uri, route: this.bucket };
    if (reason === "slow-client") log.warn("hold ended", fields);
    else log.debug("hold ended", fields);
    this.#hold = undefined;
  }

  /** Streams need no watch: theirs are cancelled. */
  #watchClient(): void {
    const { signal } = this.#request.client;
    if (signal.aborted) this.#clientGone();
    else if (this.#unwatch === undefined) {
      const left = () => this.#clientGone();
      signal.addEventListener("abort", left, { once: true });
      this.#unwatch = () => signal.removeEventListener("abort", left);
    }
  }

  #clientGone(): void {
    // Before the answer is there, a client that leaves aborts the signal; later its stream is cancelled.
    if (this.#responded && this.#stream === undefined) return;
    if (this.#hold !== undefined) return this.#guard(() => this.#hold?.clientGone());
    this.cancelAsk();
    if (this.#responded) return;
    this.#settle(new Response(null, { status: 499 }));
    this.#around.onEnd();
  }

  #respond(head: ResponseHead, body: Uint8Array | ReadableStream<Uint8Array<ArrayBuffer>>): void {
    const { method } = this.#request.client;
    this.#settle(clientResponse(head, body, { method, log: this.#around.log, id: this.id }));
    if (this.#hold === undefined) this.#around.onEnd();
  }

  #settle(response: Response): void {
    this.#responded = true;
    this.#unwatch?.();
    this.#response.resolve(response);
  }

  /** The original request once more; the client waits on (spec 4.5). */
  async #retry(ask: OriginAsk & { readonly kind: "retry" }): Promise<void> {
    this.#holdEnded("handed-back");
    const controller = new AbortController();
    this.#running = { cancel: () => controller.abort() };
    let answer: Answer;
    try {
      answer = await this.#asker.retry(this.#request, ask.gripLast, controller.signal);
    } catch (thrown) {
      this.#around.log.error("retry failed", { connection: this.id, reason: describeError(thrown) });
      answer = internalError();
    }
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
      return this.#start(answer);
    }
    if (answer.kind === "relay") {
      this.#settle(answer.response);
      return this.#around.onEnd();
    }
    const { head, body } = answer.kind === "instruct" ? answer.instruct : answer;
    if (answer.kind === "refuse") {
      this.#around.log.info("retry refused", { connection: this.id, reason: answer.reason });
    }
    this.#respond(head, body);
  }

  #next(ask: OriginAsk & { readonly kind: "next" }): void {
    const hold = this.#hold;
    if (!(hold instanceof StreamHold)) return;
    const uri = resolveLink(ask.uri, this.#baseUri);
    if (uri === undefined) return hold.bodyFailed(`next link "${ask.uri}" is no http or https URI`);
    const question = { request: this.#request, asker: this.#asker, uri, gripLast: ask.gripLast };
    const reader = this.#around.links.ask(question);
    // Until its body is whole the same link may be asked again, from where it was.
    this.#running = BodyRun.ofLink(reader, this.#target(hold), (from) => this.#baseUri = from);
  }

  #target(hold: StreamHold) {
    return { hold, client: this.#stream!, failed: (thrown: unknown) => this.failed(thrown) };
  }

  #gone(link: string): void {
    const { hub: { timers }, log } = this.#around;
    const uri = resolveLink(link, this.#request.uri);
    if (uri === undefined) log.info("gone link failed", { connection: this.id, uri: link, reason: "no URI" });
    else void tellGone(this.#request, uri, { asker: this.#asker, timers, log });
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.failed(thrown);
    }
  }
}

function resolveLink(uri: string, base: string): string | undefined {
  const url = URL.parse(uri, base);
  return url?.protocol === "http:" || url?.protocol === "https:" ? url.href : undefined;
}

function answerBody(answer: Answer): ReadableStream<Uint8Array> | undefined {
  if (answer.kind === "relay") return answer.response.body ?? undefined;
  return answer.kind === "instruct" ? answer.stream : undefined;
}

/** Lets the origin go on without us. */
function discard(stream: ReadableStream<Uint8Array> | undefined): void {
  stream?.cancel().catch(() => {}); // its connection has gone before us
}
