/**
 * What all socket types share: bound and connected endpoints, the peers on them, their limits, and the end of it all.
 * A type adds who it talks to, what it does with messages, and what happens at the high-water mark.
 */
import { describeError, PushpinError } from "../../errors.ts";
import type { ZmtpMessage } from "../wire/zmtp_frames.ts";
import { Binding } from "./binding.ts";
import { Connecting, type Served } from "./connecting.ts";
import { formatEndpoint, parseEndpoint } from "./endpoint.ts";
import { settingsOf, type ZmqOptions, type ZmqSettings } from "./options.ts";
import { Peer } from "./peer.ts";
import type { PeerEnd, PeerOwner, SocketType } from "./peer_owner.ts";

export interface CloseOptions {
  /** How long messages that are queued may take to be written and read; default 0: they are dropped. */
  readonly lingerMs?: number;
}

/** Commands a peer may have waiting; only a SUB needs more. */
const CONTROL_BYTES = 1024 * 1024;

export abstract class ZmqSocket implements PeerOwner, AsyncDisposable {
  readonly socketType: SocketType;
  readonly settings: ZmqSettings;
  readonly controlBytes: number = CONTROL_BYTES;
  readonly #bindings = new Map<string, Binding>();
  readonly #connectings = new Map<string, Connecting>();
  /** Every connection, in the order of its beginning; those in their handshake are in both. */
  readonly #all = new Set<Peer>();
  readonly #handshaking = new Set<Peer>();
  /** Ready ones. */
  protected readonly peers = new Set<Peer>();
  #readyWaiters: (() => void)[] = [];
  #closing: Promise<boolean> | undefined;

  protected constructor(socketType: SocketType, options: ZmqOptions) {
    this.socketType = socketType;
    this.settings = settingsOf(socketType, options);
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** How many peers have completed their handshake. */
  get peerCount(): number {
    return this.peers.size;
  }

  /** The ready peers by where they are; for tests and reports. */
  peerIds(): readonly string[] {
    return [...this.peers].map((peer) => peer.address);
  }

  /**
   * Accepts peers at an endpoint.
   *
   * @returns the endpoint as bound: with the port that the system chose for port 0.
   * @throws {PushpinError} `PUSHPIN_CONFIG_INVALID` for a bad spec, `PUSHPIN_LISTEN_FAILED` for one that cannot be had.
   */
  async bind(spec: string): Promise<string> {
    this.#requireOpen();
    const { log, name, ipcFileMode } = this.settings;
    const binding = await Binding.open(parseEndpoint(spec), {
      name,
      log,
      ipcFileMode,
      accepted: (conn, address) => this.#accepted(conn, address),
    });
    const endpoint = formatEndpoint(binding.endpoint);
    if (this.closed) {
      await binding.close();
      this.#requireOpen();
    }
    this.#bindings.set(endpoint, binding);
    return endpoint;
  }

  /**
   * Keeps a connection to an endpoint, from now until `disconnect` or the end; an endpoint that is away is tried again
   * with pauses.
   *
   * @throws {PushpinError} `PUSHPIN_CONFIG_INVALID` for a bad spec or a port 0.
   */
  connect(spec: string): void {
    this.#requireOpen();
    const endpoint = parseEndpoint(spec);
    if (endpoint.transport === "tcp" && endpoint.port === 0) {
      throw new PushpinError("PUSHPIN_CONFIG_INVALID", `Cannot connect to "${spec}": it names no port`);
    }
    const key = formatEndpoint(endpoint);
    if (this.#connectings.has(key)) return;
    const { log, name, reconnectMs, reconnectMaxMs } = this.settings;
    this.#connectings.set(
      key,
      new Connecting(endpoint, {
        name,
        log,
        reconnectMs,
        reconnectMaxMs,
        serve: (conn, address) => this.#serve(conn, address),
        failed: this.settings.onConnectFailed,
      }),
    );
  }

  /** Accepts no more at a bound endpoint, named as `bind` returned it; peers that are there stay. */
  async unbind(endpoint: string): Promise<void> {
    const binding = this.#bindings.get(endpoint);
    this.#bindings.delete(endpoint);
    await binding?.close();
  }

  /** Settles when at least `count` peers are ready; rejects when the socket is closed first. */
  async peersReady(count = 1): Promise<void> {
    while (this.peers.size < count) {
      this.#requireOpen();
      await new Promise<void>((resolve) => this.#readyWaiters.push(resolve));
    }
  }

  /**
   * Ends everything; the same promise for every call. What was received can still be taken; then `receive` gets
   * undefined. What waits in `send` rejects.
   *
   * @returns whether every ready peer has read everything it was sent; without a linger nobody waits to know, and it is
   * false.
   */
  close(options: CloseOptions = {}): Promise<boolean> {
    return this.#closing ??= this.#close(performance.now() + (options.lingerMs ?? 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(deadline: number): Promise<boolean> {
    for (const connecting of this.#connectings.values()) connecting.stop();
    this.socketClosing();
    this.#wakeReadyWaiters();
    const bindings = [...this.#bindings.values()].map((binding) => binding.close());
    const read = await Promise.all([...this.#all].map((peer) => peer.finish(deadline)));
    await Promise.all(bindings);
    await Promise.all([...this.#connectings.values()].map((connecting) => connecting.close()));
    // One that was accepted or connected while the others were finishing.
    await Promise.all([...this.#all].map((peer) => peer.finish(0)));
    return read.length > 0 && read.every((whole) => whole);
  }

  // What a type says.

  abstract talksTo(socketType: string): boolean;
  abstract peerMessage(peer: Peer, message: ZmtpMessage): Promise<void> | undefined;
  /** A peer has joined {@link peers}. A returned text refuses it, and it leaves again. */
  protected abstract peerJoined(peer: Peer): string | undefined;
  /** A ready peer has left {@link peers}. */
  protected abstract peerLeft(peer: Peer, unsent: readonly Uint8Array[]): void;
  /** The socket is going down: wake whoever waits. */
  protected abstract socketClosing(): void;

  peerSubscription(_peer: Peer, _topic: Uint8Array, _wanted: boolean): string | undefined {
    return undefined;
  }

  peerRoom(_peer: Peer): void {}

  // What a peer tells.

  peerReady(peer: Peer): string | undefined {
    this.#handshaking.delete(peer);
    this.peers.add(peer);
    const refused = this.peerJoined(peer);
    if (refused !== undefined) return refused;
    this.settings.log.debug("zmq peer ready", {
      socket: this.settings.name,
      peer: peer.address,
      type: peer.remoteType,
    });
    this.#wakeReadyWaiters();
    return undefined;
  }

  peerEnded(peer: Peer, end: PeerEnd, unsent: readonly Uint8Array[]): void {
    this.#handshaking.delete(peer);
    if (!this.peers.delete(peer)) return;
    this.settings.log.debug("zmq peer gone", { socket: this.settings.name, peer: peer.address, end });
    this.peerLeft(peer, unsent);
  }

  protected requireOpen(): void {
    this.#requireOpen();
  }

  #requireOpen(): void {
    if (this.closed) {
      throw new PushpinError(
        "PUSHPIN_LINK_FAILED",
        `Cannot use ZeroMQ socket "${this.settings.name}": it is closed`,
      );
    }
  }

  #wakeReadyWaiters(): void {
    const waiters = this.#readyWaiters;
    this.#readyWaiters = [];
    for (const wake of waiters) wake();
  }

  #accepted(conn: Deno.Conn, address: string): void {
    const { maxPeers, maxHandshakes, log, name } = this.settings;
    if (this.closed || this.#all.size >= maxPeers) {
      if (!this.closed) {
        log.warn("zmq peer turned away", {
          socket: name,
          peer: address,
          reason: `${maxPeers} peers are here`,
        });
      }
      conn.close();
      return;
    }
    if (this.#handshaking.size >= maxHandshakes) {
      // The oldest has had the most time: a crowd of silent ones cannot keep the next honest one out.
      const [oldest] = this.#handshaking;
      oldest?.end("overload", `${maxHandshakes} peers are in their handshake and this one is the slowest`);
    }
    this.#adopt(conn, address);
  }

  async #serve(conn: Deno.Conn, address: string): Promise<Served> {
    const peer = this.#adopt(conn, address);
    await peer.ended;
    const wasReady = peer.remoteType !== "";
    if (!wasReady && !this.closed) {
      const what = `Cannot connect to ${address}: ${peer.endReason || "the peer closed the connection"}`;
      this.settings.onConnectFailed(new PushpinError("PUSHPIN_LINK_FAILED", what));
    }
    return { wasReady };
  }

  #adopt(conn: Deno.Conn, address: string): Peer {
    if (isTcp(conn)) {
      try {
        conn.setNoDelay(true);
        conn.setKeepAlive(true);
      } catch (thrown) {
        // The peer may be gone already; reading will say so.
        this.settings.log.debug("zmq socket option refused", {
          peer: address,
          reason: describeError(thrown),
        });
      }
    }
    const peer = new Peer(this, conn, address);
    this.#all.add(peer);
    this.#handshaking.add(peer);
    void peer.ended.then(() => this.#all.delete(peer));
    return peer;
  }
}

function isTcp(conn: Deno.Conn): conn is Deno.TcpConn {
  return conn.remoteAddr.transport === "tcp";
}
