/** Who has been silent too long: our PINGs to the peer, and the ttl of the peer's PINGs to us (RFC 37). */
import type { ZmqSettings } from "./options.ts";

export interface HeartbeatPort {
  /** True while we do not read: a full queue is ours, not the peer's silence. */
  deaf(): boolean;
  ping(): void;
  silent(reason: string): void;
}

/** A silence is noticed at most a quarter of it late. */
const CHECKS_PER_SPAN = 4;
const MIN_CHECK_MS = 10;

export class Heartbeat {
  readonly #port: HeartbeatPort;
  readonly #settings: ZmqSettings;
  readonly #pings: boolean;
  #peerTtlMs = 0;
  #heardAt = performance.now();
  #pingedAt = this.#heardAt;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `understood`: whether the peer speaks 3.1, which has PING. */
  constructor(settings: ZmqSettings, understood: boolean, port: HeartbeatPort) {
    this.#settings = settings;
    this.#port = port;
    this.#pings = understood && settings.heartbeatMs > 0;
    this.#start();
  }

  /** Bytes have come. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  /** The peer asks to be given up after this silence; 0 asks for nothing. */
  peerTtl(ttlMs: number): void {
    if (ttlMs === 0 || ttlMs === this.#peerTtlMs) return;
    this.#peerTtlMs = ttlMs;
    this.#start();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #start(): void {
    clearInterval(this.#timer);
    const { heartbeatMs, heartbeatTimeoutMs } = this.#settings;
    const spans = [...(this.#pings ? [heartbeatMs, heartbeatTimeoutMs] : []), this.#peerTtlMs].filter((
      span,
    ) => span > 0);
    if (spans.length === 0) return;
    this.#timer = setInterval(
      () => this.#check(),
      Math.max(MIN_CHECK_MS, Math.min(...spans) / CHECKS_PER_SPAN),
    );
  }

  #check(): void {
    const { heartbeatMs, heartbeatTimeoutMs } = this.#settings;
    const now = performance.now();
    if (this.#port.deaf()) this.#heardAt = now;
    const silentMs = Math.round(now - this.#heardAt);
    if (this.#peerTtlMs > 0 && silentMs > this.#peerTtlMs) {
      return this.#port.silent(`silent for ${silentMs} ms, over the ${this.#peerTtlMs} ms it asked for`);
    }
    if (!this.#pings) return;
    if (silentMs > heartbeatMs + heartbeatTimeoutMs) {
      return this.#port.silent(`silent for ${silentMs} ms, heartbeats unanswered`);
    }
    if (now - this.#pingedAt >= heartbeatMs) {
      this.#pingedAt = now;
      this.#port.ping();
    }
  }
}
