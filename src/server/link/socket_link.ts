/**
 * A link's end on a socket, greeted already. One writer takes what waits, many small frames to a write; one reader
 * hands messages over as they come. What waits is bounded in bytes, and the bound's end is the link's end: a proxy that
 * does not read loses its link and re-announces on the next, it does not lose one item out of the middle.
 */
import { describeError, PushpinError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { encodeFrame, type LinkFrame } from "../wire/link_frames.ts";
import { type FrameReader, readRefusal, writeAll } from "./handshake.ts";
import type { LinkClose, LinkEnd, LinkTiming } from "./link.ts";
import type { MessageCodec } from "./message_codec.ts";
import { nextTurn } from "./turn.ts";

/** Small frames that wait together leave in one write of about this size. */
const WRITE_BYTES = 128 * 1024;

export interface SocketEndOptions<Out, In> {
  readonly conn: Deno.Conn;
  /** With what the greeting has read too much. */
  readonly reader: FrameReader;
  readonly outgoing: MessageCodec<Out>;
  readonly incoming: MessageCodec<In>;
  readonly timing: LinkTiming;
  /** The other side, for the log. */
  readonly peer: string;
  readonly log: Log;
}

interface Waiting {
  readonly bytes: Uint8Array;
  readonly taken: () => void;
  readonly lost: (error: PushpinError) => void;
}

export class SocketEnd<Out, In> implements LinkEnd<Out, In> {
  readonly closed: Promise<LinkClose>;
  readonly #options: SocketEndOptions<Out, In>;
  #settleClosed!: (why: LinkClose) => void;
  #open = true;
  #handler: ((message: In) => void) | undefined;
  #waiting: Waiting[] = [];
  /** Of `#waiting` and of the write under way. */
  #waitingBytes = 0;
  #writing = false;
  #wroteSinceBeat = false;
  #silentBeats = 0;
  readonly #beat: ReturnType<typeof setInterval>;

  constructor(options: SocketEndOptions<Out, In>) {
    this.#options = options;
    this.closed = new Promise((resolve) => this.#settleClosed = resolve);
    this.#beat = setInterval(() => this.#onBeat(), options.timing.heartbeatMs);
  }

  /** Bytes handed to `send` that the kernel has not taken. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  send(message: Out): Promise<void> {
    if (!this.#open) return rejectedQuietly();
    const { head, segments } = this.#options.outgoing.encode(message);
    let bytes: Uint8Array;
    try {
      bytes = encodeFrame("message", head, segments);
    } catch (error) {
      // Too long for any frame: this message's misfortune, not the link's.
      return Promise.reject(error);
    }
    return this.#enqueue(bytes);
  }

  receive(handler: (message: In) => void): void {
    this.#handler = handler;
    void this.#readLoop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#close("ours");
    return Promise.resolve();
  }

  #enqueue(bytes: Uint8Array): Promise<void> {
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes.length > this.#options.timing.maxWaitingBytes) {
      this.#close("overflow", { waiting: this.#waitingBytes });
      return rejectedQuietly();
    }
    this.#waitingBytes += bytes.length;
    const sent = new Promise<void>((taken, lost) => this.#waiting.push({ bytes, taken, lost }));
    sent.catch(() => {});
    if (!this.#writing) {
      this.#writing = true;
      // A microtask later, so that a burst sent in one go leaves in few writes.
      queueMicrotask(() => void this.#writeLoop());
    }
    return sent;
  }

  async #writeLoop(): Promise<void> {
    while (this.#open && this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      const bytes = joined(batch);
      try {
        await writeAll(this.#options.conn, bytes);
      } catch (error) {
        for (const { lost } of batch) lost(closedError());
        this.#close("peer", { reason: describeError(error) });
        return;
      }
      this.#wroteSinceBeat = true;
      this.#waitingBytes -= bytes.length;
      for (const { taken } of batch) taken();
    }
    this.#writing = false;
  }

  #takeBatch(): readonly Waiting[] {
    let size = 0;
    let count = 0;
    while (count < this.#waiting.length && (count === 0 || size < WRITE_BYTES)) {
      size += this.#waiting[count]!.bytes.length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #readLoop(): Promise<void> {
    try {
      while (this.#open) {
        const frames = await this.#options.reader.readMany();
        if (frames === undefined) break;
        this.#silentBeats = 0;
        for (const frame of frames) if (this.#open) this.#takeFrame(frame);
        // A read that has its bytes already is no turn, and clients' queues would fill.
        if (frames.length > 0) await nextTurn();
      }
      this.#close("peer");
    } catch (error) {
      const garbled = error instanceof PushpinError && error.code === "PUSHPIN_WIRE_INVALID";
      this.#close(garbled ? "invalid" : "peer", { reason: describeError(error) });
    }
  }

  #takeFrame(frame: LinkFrame): void {
    if (frame.kind === "heartbeat") return;
    if (frame.kind === "refuse") {
      const refusal = readRefusal(frame);
      this.#close(refusal.why, { reason: refusal.message });
      return;
    }
    if (frame.kind !== "message") {
      throw new PushpinError(
        "PUSHPIN_WIRE_INVALID",
        `Cannot read link frame: "${frame.kind}" after the greeting`,
      );
    }
    const message = this.#options.incoming.decode(frame);
    try {
      this.#handler?.(message);
    } catch (error) {
      // The receiver's bug costs this message, not the link; it surfaces as any uncaught error does.
      reportError(error);
    }
  }

  /** Beats are counted, not timed: a process that was stopped for an hour wakes to one beat, and to what waits to be read. */
  #onBeat(): void {
    if (!this.#wroteSinceBeat && !this.#writing) void this.#enqueue(encodeFrame("heartbeat", null));
    this.#wroteSinceBeat = false;
    if (this.#handler === undefined) return;
    this.#silentBeats++;
    if (this.#silentBeats > this.#options.timing.silentBeats) this.#close("silent");
  }

  #close(why: LinkClose, details: Readonly<Record<string, string | number>> = {}): void {
    if (!this.#open) return;
    this.#open = false;
    clearInterval(this.#beat);
    const lost = this.#waiting;
    this.#waiting = [];
    for (const waiting of lost) waiting.lost(closedError());
    try {
      this.#options.conn.close();
    } catch {
      // Closed already, by the failure that brought us here.
    }
    const fields = { peer: this.#options.peer, why, lost: lost.length, ...details };
    if (why === "ours" || why === "peer") this.#options.log.info("link closed", fields);
    else this.#options.log.warn("link closed", fields);
    this.#settleClosed(why);
  }
}

function joined(batch: readonly Waiting[]): Uint8Array {
  if (batch.length === 1) return batch[0]!.bytes;
  const bytes = new Uint8Array(batch.reduce((sum, waiting) => sum + waiting.bytes.length, 0));
  let at = 0;
  for (const waiting of batch) {
    bytes.set(waiting.bytes, at);
    at += waiting.bytes.length;
  }
  return bytes;
}

function rejectedQuietly(): Promise<void> {
  const rejected = Promise.reject(closedError());
  rejected.catch(() => {});
  return rejected;
}

function closedError(): PushpinError {
  return new PushpinError("PUSHPIN_LINK_FAILED", "Cannot send on the link: it is closed");
}
