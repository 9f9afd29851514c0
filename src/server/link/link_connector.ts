/**
 * The proxy's side: joins the handler, and joins it again whenever the link ends, for as long as the proxy lives. Each
 * time it hands on a fresh end; announcing anew on it is the owner's part, and covers whatever was said into the void
 * meanwhile.
 */
import { describeError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { formatLinkAddress, type LinkAddress } from "./address.ts";
import { FrameReader, greet, LinkRefusal } from "./handshake.ts";
import { DEFAULT_LINK_TIMING, type LinkEnd, type LinkTiming } from "./link.ts";
import { downCodec, upCodec } from "./message_codec.ts";
import type { DownMessage, UpMessage } from "./messages.ts";
import { SocketEnd } from "./socket_link.ts";

export interface LinkConnectorOptions {
  readonly address: LinkAddress;
  /** How the handler's log names this proxy. */
  readonly name: string;
  readonly secret?: string;
  readonly log: Log;
  readonly timing?: Partial<LinkTiming>;
  /** Another than this program's, in tests of the refusal. */
  readonly version?: number;
  /** Joined, for the first time or again; `receive` must be called before this returns. */
  readonly onConnected: (end: LinkEnd<UpMessage, DownMessage>) => void;
}

/** Starts at once and never gives up; disposing ends it and its link. */
export class LinkConnector implements AsyncDisposable {
  readonly #options: LinkConnectorOptions;
  readonly #timing: LinkTiming;
  #open = true;
  /** Ends the wait under way: for a connection, or before the next try. */
  #wake: (() => void) | undefined;
  #end: SocketEnd<UpMessage, DownMessage> | undefined;
  #greeting: Deno.Conn | undefined;
  /** The last failure told, so that a handler that stays away costs one line, not one a try. */
  #told = "";
  /** Since when there is no link: a handler that is only slower to start than we are is not worth a line. */
  #awaySince = performance.now();
  readonly #loop: Promise<void>;

  constructor(options: LinkConnectorOptions) {
    this.#options = options;
    this.#timing = { ...DEFAULT_LINK_TIMING, ...options.timing };
    this.#loop = this.#run();
  }

  /** Whether the handler hears us now. */
  get connected(): boolean {
    return this.#end !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#open = false;
    this.#wake?.();
    if (this.#greeting !== undefined) closeQuietly(this.#greeting);
    await this.#end?.[Symbol.asyncDispose]();
    await this.#loop;
  }

  async #run(): Promise<void> {
    let waitMs = this.#timing.retryMinMs;
    while (this.#open) {
      let refused = false;
      try {
        const end = await this.#join();
        if (end === undefined) return;
        waitMs = this.#timing.retryMinMs;
        this.#told = "";
        this.#end = end;
        this.#options.onConnected(end);
        const why = await end.closed;
        this.#end = undefined;
        this.#awaySince = performance.now();
        if (!this.#open) return;
        refused = why === "refused" || why === "version";
      } catch (error) {
        if (!this.#open) return;
        refused = error instanceof LinkRefusal;
        this.#tell(error);
      }
      await this.#pause(refused ? this.#timing.refusedRetryMs : waitMs);
      waitMs = Math.min(waitMs * 2, this.#timing.retryMaxMs);
    }
  }

  async #join(): Promise<SocketEnd<UpMessage, DownMessage> | undefined> {
    const { name, secret, version, log } = this.#options;
    const conn = await this.#connect();
    this.#greeting = conn;
    const timer = setTimeout(() => closeQuietly(conn), this.#timing.handshakeMs);
    try {
      const reader = new FrameReader(conn);
      const peer = await greet(conn, reader, { role: "proxy", name, secret: secret || undefined, version });
      if (!this.#open) {
        closeQuietly(conn);
        return undefined;
      }
      log.info("link joined", { peer, address: formatLinkAddress(this.#options.address) });
      return new SocketEnd<UpMessage, DownMessage>({
        conn,
        reader,
        peer,
        outgoing: upCodec,
        incoming: downCodec,
        timing: this.#timing,
        log,
      });
    } catch (error) {
      closeQuietly(conn);
      throw error;
    } finally {
      clearTimeout(timer);
      this.#greeting = undefined;
    }
  }

  /** `Deno.connect` has no deadline of its own; one that comes too late is closed. */
  async #connect(): Promise<Deno.Conn> {
    const { address } = this.#options;
    const connecting: Promise<Deno.Conn> = address.transport === "unix"
      ? Deno.connect({ transport: "unix", path: address.path })
      : Deno.connect({ hostname: address.hostname, port: address.port });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no connection within ${this.#timing.handshakeMs} ms`)),
        this.#timing.handshakeMs,
      );
      this.#wake = () => reject(new Error("stopped"));
    });
    try {
      return await Promise.race([connecting, deadline]);
    } catch (error) {
      void connecting.then(closeQuietly, () => {});
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #tell(error: unknown): void {
    const reason = describeError(error);
    const awayMs = performance.now() - this.#awaySince;
    if (reason === this.#told || (awayMs < this.#timing.tellAfterMs && !(error instanceof LinkRefusal))) {
      return;
    }
    this.#told = reason;
    const fields = { address: formatLinkAddress(this.#options.address), reason };
    if (error instanceof LinkRefusal) {
      this.#options.log.error(error.message, { code: error.code, why: error.why, address: fields.address });
    } else this.#options.log.warn("no link to the handler: holds stay, publishes wait for it", fields);
  }

  async #pause(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
      this.#wake = resolve;
    });
    clearTimeout(timer);
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It was closed by the other path: the deadline, the refusal or our end.
  }
}
