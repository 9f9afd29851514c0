/**
 * One connection to one peer: greeting, READY, traffic, heartbeats, end. Which messages mean what is its socket's
 * business.
 *
 * The peer reads on only while its socket takes: a socket whose queue for this peer is full returns a promise, and TCP
 * does the rest. A connection ends once, with one reason, and its end is never anybody else's.
 */
import { describeError, PushpinError } from "../../errors.ts";
import { decodeCommand, encodeError, encodePing, encodePong, encodeReady } from "../wire/zmtp_commands.ts";
import { type ZmtpCommandFrame, ZmtpDecoder } from "../wire/zmtp_frames.ts";
import { encodeGreeting, type ZmtpMinor } from "../wire/zmtp_greeting.ts";
import { readGreeting } from "./greeting.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { ZmqSettings } from "./options.ts";
import { Outbox } from "./outbox.ts";
import type { PeerEnd, PeerOwner } from "./peer_owner.ts";

const READ_BYTES = 64 * 1024;
/** Below this rest of a read buffer a new one is cheaper than the short reads. */
const MIN_READ_BYTES = 16 * 1024;

export class Peer {
  /** The other end, for the log. */
  readonly address: string;
  readonly #owner: PeerOwner;
  readonly #settings: ZmqSettings;
  readonly #conn: Deno.Conn;
  readonly #decoder: ZmtpDecoder;
  readonly #outbox: Outbox;
  /** Settles when the connection is closed and nobody reads from it any more; never rejects. */
  readonly ended: Promise<unknown>;
  readonly #closed = Promise.withResolvers<void>();
  #endKind: PeerEnd | undefined;
  #endReason = "";
  #state: "greeting" | "handshake" | "ready" | "closing" | "ended" = "greeting";
  #minor: ZmtpMinor = 0;
  #remoteType = "";
  #remoteId: Uint8Array = new Uint8Array(0);
  #handshakeTimer: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: Heartbeat | undefined;
  #waiting = false;

  constructor(owner: PeerOwner, conn: Deno.Conn, address: string) {
    this.#owner = owner;
    this.#settings = owner.settings;
    this.#conn = conn;
    this.address = address;
    this.#decoder = new ZmtpDecoder(this.#settings.limits);
    const { sendHighWater: messages, highWaterBytes: bytes } = this.#settings;
    this.#outbox = new Outbox(conn, { messages, bytes, controlBytes: owner.controlBytes }, {
      failed: (thrown) => this.#end("failed", describeError(thrown)),
      room: () => this.#owner.peerRoom(this),
    });
    this.#outbox.control(encodeGreeting(this.#settings.zmtpMinor));
    this.#handshakeTimer = setTimeout(
      () => this.#end("timeout", `no ZMTP handshake within ${this.#settings.handshakeMs} ms`),
      this.#settings.handshakeMs,
    );
    this.ended = Promise.all([this.#read(), this.#closed.promise]);
  }

  get ready(): boolean {
    return this.#state === "ready";
  }

  /** The 3.x both sides speak; known when ready. */
  get minor(): ZmtpMinor {
    return this.#minor;
  }

  /** What the peer says it is; known when ready. */
  get remoteType(): string {
    return this.#remoteType;
  }

  /** The peer's Identity property; empty where it gave none. */
  get remoteId(): Uint8Array {
    return this.#remoteId;
  }

  /** Why it ended, in words; empty before, and where there is nothing to say. */
  get endReason(): string {
    return this.#endReason;
  }

  /** Ready and below the high-water mark. */
  get writable(): boolean {
    return this.#state === "ready" && !this.#outbox.full;
  }

  /** Queues encoded frames of one message; the caller has asked {@link writable}, or means to drop nothing. */
  send(frames: Uint8Array): void {
    this.#outbox.message(frames);
  }

  /** Queues a command or a subscription, which no high-water mark holds back. */
  sendControl(frames: Uint8Array): void {
    if (!this.#outbox.control(frames)) this.#end("overload", "the peer does not read what it is sent");
  }

  /** Ends the connection for a reason of the socket's. */
  end(end: PeerEnd, reason: string): void {
    this.#end(end, reason);
  }

  /**
   * Ends the connection after everything queued is written and the peer has read it (it closes when it sees our end),
   * or at `deadline` (a `performance.now()` value), whichever is first. True where the peer has read everything.
   */
  async finish(deadline: number): Promise<boolean> {
    let read = false;
    if (this.#state === "ready" && performance.now() < deadline) {
      this.#state = "closing";
      const timer = setTimeout(() => this.#end("stopped", ""), deadline - performance.now());
      await this.#outbox.flushed();
      if (!this.#isEnded()) {
        try {
          await this.#conn.closeWrite();
          await this.ended;
          read = this.#endKind === "closed";
        } catch (thrown) {
          this.#end("failed", describeError(thrown));
        }
      }
      clearTimeout(timer);
    }
    this.#end("stopped", "");
    await this.ended;
    await this.#outbox.flushed();
    return read;
  }

  #isEnded(): boolean {
    return this.#state === "ended";
  }

  async #read(): Promise<void> {
    try {
      const rest = await this.#greet();
      if (rest === undefined) return;
      let buffer = new Uint8Array(READ_BYTES);
      let used = 0;
      for (let chunk: Uint8Array = rest;;) {
        this.#decoder.push(chunk);
        await this.#consume();
        if (this.#isEnded()) return;
        if (buffer.length - used < MIN_READ_BYTES) {
          buffer = new Uint8Array(READ_BYTES);
          used = 0;
        }
        const count = await this.#conn.read(buffer.subarray(used));
        if (count === null) return this.#peerClosed();
        this.#heartbeat?.heard();
        chunk = buffer.subarray(used, used + count);
        used += count;
      }
    } catch (thrown) {
      const theirs = thrown instanceof PushpinError;
      if (theirs && this.#state === "handshake") this.#outbox.control(encodeError("Bad handshake"));
      this.#end(
        theirs ? (this.#state === "ready" ? "protocol" : "refused") : "failed",
        describeError(thrown),
      );
    }
  }

  /** Undefined where the connection ended before its greeting was whole; else the bytes after it. */
  async #greet(): Promise<Uint8Array | undefined> {
    const greeted = await readGreeting(this.#conn);
    if (greeted === "silent") this.#end("closed", "");
    else if (greeted === "cut") this.#peerClosed();
    if (typeof greeted === "string" || this.#isEnded()) return undefined;
    this.#minor = Math.min(greeted.minor, this.#settings.zmtpMinor) as ZmtpMinor;
    this.#state = "handshake";
    this.#outbox.control(encodeReady(this.#owner.socketType, this.#settings.routingId));
    return greeted.rest;
  }

  /** Everything the decoder has; waits in the middle where the socket is full. */
  async #consume(): Promise<void> {
    for (let next = this.#decoder.next(); next !== undefined; next = this.#decoder.next()) {
      if ("command" in next) this.#command(next);
      else if (this.#state === "ready") {
        const room = this.#owner.peerMessage(this, next);
        if (room !== undefined) {
          this.#waiting = true;
          await room;
          this.#waiting = false;
          this.#heartbeat?.heard();
        }
      } else if (this.#state === "handshake") {
        throw new PushpinError(
          "PUSHPIN_WIRE_INVALID",
          "Cannot read ZMTP handshake: a message came before READY",
        );
      }
      if (this.#isEnded()) return;
    }
  }

  #command(frame: ZmtpCommandFrame): void {
    const command = decodeCommand(frame.command);
    if (this.#state === "handshake") {
      if (command.name === "READY") return this.#becomeReady(command.properties);
      if (command.name === "ERROR") {
        return this.#end("refused", `the peer says: ${command.reason || "error"}`);
      }
      throw new PushpinError(
        "PUSHPIN_WIRE_INVALID",
        `Cannot read ZMTP handshake: a ${command.name} came before READY`,
      );
    }
    switch (command.name) {
      case "PING":
        this.sendControl(encodePong(command.context));
        this.#heartbeat?.peerTtl(command.ttlMs);
        return;
      case "SUBSCRIBE":
      case "CANCEL": {
        const refused = this.#owner.peerSubscription(this, command.topic, command.name === "SUBSCRIBE");
        if (refused !== undefined) this.#end("overload", refused);
        return;
      }
      case "ERROR":
        return this.#end("protocol", `the peer says: ${command.reason || "error"}`);
      default:
        return;
    }
  }

  #becomeReady(properties: ReadonlyMap<string, Uint8Array>): void {
    const type = String.fromCharCode(...(properties.get("socket-type") ?? []).slice(0, 32));
    if (!this.#owner.talksTo(type)) {
      const shown = type.replace(/[^\x20-\x7e]/g, "?");
      this.#outbox.control(encodeError("Incompatible socket type"));
      return this.#end("refused", `the peer is a "${shown}" socket, we are ${this.#owner.socketType}`);
    }
    this.#remoteType = type;
    this.#remoteId = properties.get("identity") ?? new Uint8Array(0);
    clearTimeout(this.#handshakeTimer);
    this.#handshakeTimer = undefined;
    this.#state = "ready";
    const refused = this.#owner.peerReady(this);
    if (refused !== undefined) return this.#end("refused", refused);
    if (!this.ready) return;
    this.#heartbeat = new Heartbeat(this.#settings, this.#minor === 1, {
      deaf: () => this.#waiting,
      ping: () => this.sendControl(encodePing(this.#settings.heartbeatTtlMs)),
      silent: (reason) => this.#end("timeout", reason),
    });
  }

  #peerClosed(): void {
    if (this.#state === "greeting" || this.#state === "handshake") {
      return this.#end("refused", "closed during the handshake");
    }
    if (!this.#decoder.idle) return this.#end("failed", "closed in the middle of a message");
    this.#end("closed", "");
  }

  #end(end: PeerEnd, reason: string): void {
    if (this.#state === "ended") return;
    const before = this.#state;
    this.#state = "ended";
    this.#endKind = end;
    this.#endReason = reason;
    clearTimeout(this.#handshakeTimer);
    this.#heartbeat?.stop();
    if (end !== "closed" && end !== "stopped" && before !== "closing") {
      const { log, name } = this.#settings;
      log.warn("zmq peer ended", { socket: name, peer: this.address, end, reason });
    }
    const refusing = end === "refused" || end === "protocol";
    const unsent = refusing ? [] : this.#outbox.stop();
    this.#owner.peerEnded(this, end, unsent);
    // A refusal is said before the line goes dead, if the peer takes it at once.
    if (refusing) void this.#lastWords();
    else this.#close();
  }

  async #lastWords(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<void>((resolve) => timer = setTimeout(resolve, LAST_WORDS_MS));
    await Promise.race([this.#outbox.flushed(), deadline]);
    clearTimeout(timer);
    this.#outbox.stop();
    this.#close();
  }

  #close(): void {
    try {
      this.#conn.close();
    } catch {
      // Already closed: a failed read or write may have done it.
    }
    this.#closed.resolve();
  }
}

const LAST_WORDS_MS = 250;
