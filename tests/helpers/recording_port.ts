/** A hold's surroundings for tests: writes down what the hold asks for, and keeps its own time. */
import type { ResponseHead } from "../../src/grip/head.ts";
import type { HeldChannel } from "../../src/grip/held_channel.ts";
import type { Instruct } from "../../src/grip/instruct.ts";
import type {
  Formats,
  HttpResponseFormat,
  HttpStreamFormat,
  PublishItem,
} from "../../src/grip/publish_item.ts";
import type {
  EndReason,
  HoldTimer,
  OriginAsk,
  SessionPort,
  UpdatePriority,
} from "../../src/grip/session_port.ts";

interface TimedHold {
  timer(timer: HoldTimer): void;
  subscribed(channel: HeldChannel, lastId: string | undefined): void;
}

export class RecordingPort implements SessionPort {
  /** What happened, in words, oldest first. */
  readonly events: string[] = [];
  readonly channels = new Map<string, HeldChannel>();
  /** Last ids that `subscribe` answers at once; a channel that is not here is answered later or never. */
  readonly lastIds = new Map<string, string | undefined>();
  /** False plays a client that does not read. */
  reading = true;
  hold: TimedHold | undefined;
  #nowMs = 0;
  readonly #timers = new Map<HoldTimer, number>();

  /** The events since the last call. */
  take(): string[] {
    return this.events.splice(0);
  }

  /** Lets time pass; timers fire in order. */
  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (true) {
      const [next] = [...this.#timers].sort((a, b) => a[1] - b[1]);
      if (next === undefined || next[1] > untilMs) break;
      this.#nowMs = next[1];
      this.#timers.delete(next[0]);
      this.hold?.timer(next[0]);
    }
    this.#nowMs = untilMs;
  }

  timerMs(timer: HoldTimer): number | undefined {
    const dueMs = this.#timers.get(timer);
    return dueMs === undefined ? undefined : dueMs - this.#nowMs;
  }

  channel(name: string): HeldChannel {
    const channel = this.channels.get(name);
    if (channel === undefined) throw new Error(`No subscription to ${name}`);
    return channel;
  }

  sendHead(head: ResponseHead): void {
    this.events.push(`head ${describeHead(head)}`);
  }

  sendBody(bytes: Uint8Array): boolean {
    if (this.reading) this.events.push(`body ${text(bytes)}`);
    return this.reading;
  }

  respond(head: ResponseHead, body: Uint8Array): void {
    this.events.push(`respond ${describeHead(head)} ${text(body)}`);
  }

  end(reason: EndReason): void {
    this.events.push(`end ${reason}`);
  }

  subscribe(channel: HeldChannel): void {
    this.channels.set(channel.name, channel);
    this.events.push(`subscribe ${channel.name}${channel.implicit ? " implicit" : ""}`);
    if (this.lastIds.has(channel.name)) this.hold?.subscribed(channel, this.lastIds.get(channel.name));
  }

  unsubscribe(channel: HeldChannel): void {
    this.channels.delete(channel.name);
    this.events.push(`unsubscribe ${channel.name}`);
  }

  forgetLastId(channel: HeldChannel): void {
    this.events.push(`forget ${channel.name}`);
  }

  requestUpdate(priority: UpdatePriority, key: string): void {
    this.events.push(`update ${priority} ${key}`.trim());
  }

  cancelUpdate(): void {}

  askOrigin(ask: OriginAsk): void {
    const last = ask.kind === "gone" ? "" : ask.gripLast.map(([n, v]) => ` ${n}: ${v}`).join("");
    this.events.push(`ask ${ask.kind}${ask.kind === "retry" ? "" : ` ${ask.uri}`}${last}`);
  }

  cancelAsk(): void {
    this.events.push("cancel ask");
  }

  setTimer(timer: HoldTimer, delayMs: number): void {
    this.#timers.set(timer, this.#nowMs + delayMs);
  }

  clearTimer(timer: HoldTimer): void {
    this.#timers.delete(timer);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  /** No jitter, so that tests can say when. */
  random(max: number): number {
    return Math.min(0, max);
  }

  dropped(channel: HeldChannel, reason: string): void {
    this.events.push(`dropped ${channel.name} ${reason}`);
  }

  note(message: string): void {
    this.events.push(`note ${message}`);
  }
}

function describeHead(head: ResponseHead): string {
  return [head.code, ...head.headers.map(([name, value]) => `${name}=${value}`)].join(" ");
}

export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text(value: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(value));
}

/** An instruct with the plain parts filled in. */
export function instruct(parts: Partial<Instruct> & { readonly bodyText?: string } = {}): Instruct {
  return {
    channels: [],
    meta: new Map(),
    head: { code: 200, reason: "OK", headers: [["Content-Type", "text/plain"]] },
    body: bytes(parts.bodyText ?? ""),
    ...parts,
  };
}

export interface ItemParts extends Partial<Omit<PublishItem, "formats">> {
  readonly stream?: string | HttpStreamFormat;
  readonly response?: string | HttpResponseFormat;
}

/** An item for channel "c" with one format or both. */
export function publishItem(parts: ItemParts): PublishItem {
  const { stream, response, ...rest } = parts;
  const formats: { -readonly [K in keyof Formats]: Formats[K] } = {};
  if (stream !== undefined) {
    formats["http-stream"] = typeof stream === "string" ? { action: "send", content: bytes(stream) } : stream;
  }
  if (response !== undefined) {
    formats["http-response"] = typeof response === "string"
      ? { action: "send", code: 200, reason: "OK", headers: [], body: bytes(response) }
      : response;
  }
  return { channel: "c", meta: new Map(), noSeq: false, ...rest, formats };
}
