/** The handler's side: a listening socket that greets proxies and hands on an end for each. Several proxies are usual. */
import { describeError, PushpinError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { formatLinkAddress, type LinkAddress } from "./address.ts";
import { FrameReader, greet, LinkRefusal } from "./handshake.ts";
import { DEFAULT_LINK_TIMING, type LinkEnd, type LinkTiming } from "./link.ts";
import { downCodec, upCodec } from "./message_codec.ts";
import type { DownMessage, UpMessage } from "./messages.ts";
import { SocketEnd } from "./socket_link.ts";
import { listenUnix, type OwnedSocket } from "./unix_socket.ts";

/** Connections that have not shown who they are; more are closed at once. */
const MAX_GREETING = 64;

export interface LinkListenerOptions {
  readonly address: LinkAddress;
  /** How a proxy's log names this handler. */
  readonly name: string;
  /** Must be set for TCP; used on a local socket too where it is set. */
  readonly secret?: string;
  readonly log: Log;
  readonly timing?: Partial<LinkTiming>;
  /** Another than this program's, in tests of the refusal. */
  readonly version?: number;
  /** A proxy has joined; `receive` must be called before this returns. */
  readonly onConnected: (end: LinkEnd<DownMessage, UpMessage>, proxy: string) => void;
}

export class LinkListener implements AsyncDisposable {
  readonly #options: LinkListenerOptions;
  readonly #timing: LinkTiming;
  readonly #socket: OwnedSocket;
  readonly #ends = new Set<SocketEnd<DownMessage, UpMessage>>();
  readonly #greeting = new Set<Deno.Conn>();
  #joinWaits: (() => void)[] = [];
  #open = true;
  readonly #accepting: Promise<void>;

  private constructor(options: LinkListenerOptions, socket: OwnedSocket) {
    this.#options = options;
    this.#timing = { ...DEFAULT_LINK_TIMING, ...options.timing };
    this.#socket = socket;
    this.#accepting = this.#acceptLoop();
  }

  /**
   * Listens: a local socket with mode 0600, replacing the file of a handler that is gone; TCP only with a secret.
   * @throws {PushpinError} `PUSHPIN_LISTEN_FAILED` where another handler is there; `PUSHPIN_CONFIG_INVALID` for TCP
   * without a secret.
   */
  static async listen(options: LinkListenerOptions): Promise<LinkListener> {
    const { address } = options;
    if (address.transport === "unix") return new LinkListener(options, await listenUnix(address.path));
    if (options.secret === undefined || options.secret === "") {
      throw new PushpinError(
        "PUSHPIN_CONFIG_INVALID",
        `Cannot listen on ${formatLinkAddress(address)}: a link over TCP needs a secret: ` +
          `set link_secret here and for every proxy`,
      );
    }
    try {
      const listener = Deno.listen({ hostname: address.hostname, port: address.port });
      return new LinkListener(options, { listener, [Symbol.dispose]: () => listener.close() });
    } catch (cause) {
      throw new PushpinError(
        "PUSHPIN_LISTEN_FAILED",
        `Cannot listen on ${formatLinkAddress(address)} for proxies: ${describeError(cause)}: ` +
          `set link_spec or stop the other process`,
        { cause },
      );
    }
  }

  /** Where proxies connect; with port 0, the port that it became. */
  get address(): LinkAddress {
    const { addr } = this.#socket.listener;
    if (addr.transport === "tcp") return { transport: "tcp", hostname: addr.hostname, port: addr.port };
    return this.#options.address;
  }

  /** Proxies joined now. */
  get connected(): number {
    return this.#ends.size;
  }

  /**
   * Waits until so many proxies are joined, at most `withinMs`. A handler that has just been restarted waits here
   * before it takes publishes: a proxy that lives connects again within `LinkTiming.retryMaxMs`.
   * @returns whether they are.
   */
  async joined(proxies: number, withinMs: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let late = false;
    const deadline = new Promise<void>((resolve) =>
      timer = setTimeout(() => {
        late = true;
        resolve();
      }, withinMs)
    );
    while (this.#open && !late && this.#ends.size < proxies) {
      await Promise.race([deadline, new Promise<void>((resolve) => this.#joinWaits.push(resolve))]);
    }
    clearTimeout(timer);
    return this.#ends.size >= proxies;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#socket[Symbol.dispose]();
    for (const conn of this.#greeting) closeQuietly(conn);
    for (const end of this.#ends) await end[Symbol.asyncDispose]();
    this.#wakeJoinWaits();
    await this.#accepting;
  }

  async #acceptLoop(): Promise<void> {
    while (this.#open) {
      let conn: Deno.Conn;
      try {
        conn = await this.#socket.listener.accept();
      } catch (error) {
        if (!this.#open) return;
        // Out of descriptors, most likely: the proxies retry, and so do we.
        this.#options.log.warn("cannot accept a proxy", { reason: describeError(error) });
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      if (this.#greeting.size >= MAX_GREETING) {
        closeQuietly(conn);
        this.#options.log.warn("link connection refused: too many are greeting", { limit: MAX_GREETING });
        continue;
      }
      void this.#join(conn);
    }
  }

  async #join(conn: Deno.Conn): Promise<void> {
    const { name, secret, version, log } = this.#options;
    this.#greeting.add(conn);
    const timer = setTimeout(() => closeQuietly(conn), this.#timing.handshakeMs);
    const reader = new FrameReader(conn);
    try {
      const peer = await greet(conn, reader, { role: "handler", name, secret: secret || undefined, version });
      if (!this.#open) return closeQuietly(conn);
      log.info("link joined", { peer });
      this.#adopt(conn, reader, peer);
    } catch (error) {
      closeQuietly(conn);
      if (!this.#open) return;
      if (error instanceof LinkRefusal) log.error(error.message, { code: error.code, why: error.why });
      else log.warn("link greeting failed", { reason: describeError(error) });
    } finally {
      clearTimeout(timer);
      this.#greeting.delete(conn);
    }
  }

  #adopt(conn: Deno.Conn, reader: FrameReader, peer: string): void {
    const end = new SocketEnd<DownMessage, UpMessage>({
      conn,
      reader,
      peer,
      outgoing: downCodec,
      incoming: upCodec,
      timing: this.#timing,
      log: this.#options.log,
    });
    this.#ends.add(end);
    void end.closed.then(() => this.#ends.delete(end));
    this.#options.onConnected(end, peer);
    this.#wakeJoinWaits();
  }

  #wakeJoinWaits(): void {
    const waits = this.#joinWaits;
    this.#joinWaits = [];
    for (const wake of waits) wake();
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It was closed by the other path: the deadline, the refusal or the end of the listener.
  }
}
