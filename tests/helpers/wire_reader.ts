/**
 * The reading side of a raw socket in a test: a pump takes in whatever arrives, and readers take it out by count, by
 * mark or by time. It knows how the connection ended: an orderly end and a reset are different answers to a test.
 */
import { indexOfBytes, latin1Text, toBytes } from "./bytes.ts";
import { DeadlineError, DEFAULT_DEADLINE_MS } from "./wait.ts";

/** `eof`: the peer finished in order; `reset`: it cut the connection; `closed`: this side closed it. */
export type WireEnd = "eof" | "reset" | "closed";

/** The connection ended before what was waited for had come. */
export class WireEndError extends Error {
  readonly end: WireEnd;
  constructor(what: string, end: WireEnd, rest: Uint8Array) {
    super(
      `Waiting for ${what}: connection ended (${end}) after ${
        JSON.stringify(latin1Text(rest.subarray(0, 300)))
      }`,
    );
    this.name = "WireEndError";
    this.end = end;
  }
}

export class WireReader {
  readonly #conn: Deno.Conn;
  #store: Uint8Array = new Uint8Array(16384);
  #from = 0;
  #to = 0;
  #end: WireEnd | undefined;
  #closing = false;
  #wake = Promise.withResolvers<void>();
  #pump: Promise<void> | undefined;

  constructor(conn: Deno.Conn, options: { readonly paused?: boolean } = {}) {
    this.#conn = conn;
    if (options.paused !== true) this.start();
  }

  /** Begins to take bytes from the socket; until then the kernel's buffers fill and the peer feels it. */
  start(): void {
    this.#pump ??= this.#run();
  }

  /** How the connection ended, once it has; bytes that came before may still wait in the buffer. */
  get end(): WireEnd | undefined {
    return this.#end;
  }

  /** What has arrived and was not taken yet. */
  get buffered(): Uint8Array {
    return this.#store.subarray(this.#from, this.#to);
  }

  /** Takes exactly `count` bytes. Deadlines are in milliseconds; Infinity is none. */
  async take(count: number, what = `${count} bytes`, deadlineMs?: number): Promise<Uint8Array> {
    await this.#until(() => this.buffered.length >= count, what, deadlineMs);
    return this.#cut(count);
  }

  /** Takes all up to and including `mark`. */
  async takeUntil(mark: string | Uint8Array, deadlineMs?: number): Promise<Uint8Array> {
    const needle = toBytes(mark);
    let from = 0;
    let at = -1;
    await this.#until(
      () => {
        at = indexOfBytes(this.buffered, needle, from);
        from = Math.max(0, this.buffered.length - needle.length + 1);
        return at >= 0;
      },
      JSON.stringify(latin1Text(needle)),
      deadlineMs,
    );
    return this.#cut(at + needle.length);
  }

  /** Takes whatever is there, waiting for at least one byte; empty when the connection ended. */
  async takeSome(deadlineMs?: number): Promise<Uint8Array> {
    await this.#until(() => this.buffered.length > 0 || this.#end !== undefined, "some bytes", deadlineMs);
    return this.#cut(this.buffered.length);
  }

  /** Takes everything up to the end of the connection. */
  async takeAll(deadlineMs?: number): Promise<{ readonly bytes: Uint8Array; readonly end: WireEnd }> {
    await this.#until(() => this.#end !== undefined, "the end of the connection", deadlineMs);
    return { bytes: this.#cut(this.buffered.length), end: this.#end! };
  }

  /** Takes what arrives until `forMs` are over or the connection ends, whichever is first. */
  async collect(forMs: number): Promise<Uint8Array> {
    try {
      await this.#until(() => this.#end !== undefined, "the end of the connection", forMs);
    } catch (e) {
      if (!(e instanceof DeadlineError)) throw e;
    }
    return this.#cut(this.buffered.length);
  }

  /** Waits for the connection's end, leaving the bytes where they are. */
  async ended(deadlineMs?: number): Promise<WireEnd> {
    await this.#until(() => this.#end !== undefined, "the end of the connection", deadlineMs);
    return this.#end!;
  }

  /** Closes the socket and waits until the pump has stopped. */
  async close(): Promise<void> {
    this.#closing = true;
    try {
      this.#conn.close();
    } catch (e) {
      // The peer's end may already have closed it; closing twice is not a failure of the test.
      if (!(e instanceof Deno.errors.BadResource)) throw e;
    }
    this.#finish("closed");
    await this.#pump;
  }

  #cut(count: number): Uint8Array {
    const out = this.#store.slice(this.#from, this.#from + count);
    this.#from += count;
    return out;
  }

  #append(bytes: Uint8Array): void {
    const held = this.#to - this.#from;
    if (this.#to + bytes.length > this.#store.length) {
      const store = new Uint8Array(Math.max(this.#store.length, 2 * (held + bytes.length)));
      store.set(this.buffered);
      [this.#store, this.#from, this.#to] = [store, 0, held];
    }
    this.#store.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  async #until(ready: () => boolean, what: string, deadlineMs = DEFAULT_DEADLINE_MS): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let late = false;
    const expire = () => {
      late = true;
      this.#notify();
    };
    try {
      while (!ready()) {
        if (this.#end !== undefined) throw new WireEndError(what, this.#end, this.buffered);
        if (late) throw new DeadlineError(`${what} (have ${this.#seen()})`, deadlineMs);
        const wake = this.#wake.promise;
        if (deadlineMs !== Infinity) timer ??= setTimeout(expire, deadlineMs);
        await wake;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #seen(): string {
    return JSON.stringify(latin1Text(this.buffered.subarray(0, 300)));
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = Promise.withResolvers<void>();
    wake.resolve();
  }

  #finish(end: WireEnd): void {
    this.#end ??= end;
    this.#notify();
  }

  async #run(): Promise<void> {
    const chunk = new Uint8Array(65536);
    try {
      for (;;) {
        const n = await this.#conn.read(chunk);
        if (n === null) return this.#finish("eof");
        this.#append(chunk.subarray(0, n));
        this.#notify();
      }
    } catch (e) {
      // A read fails in two ways that mean something: the peer cut the line, or close() was called here.
      if (this.#closing || e instanceof Deno.errors.BadResource || e instanceof Deno.errors.Interrupted) {
        return this.#finish("closed");
      }
      this.#finish("reset");
    }
  }
}
