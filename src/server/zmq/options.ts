/** What a socket can be told, with the defaults; named after libzmq's options where it has one. */
import { type Log, silentLog } from "../../log.ts";
import type { ZmtpMinor } from "../wire/zmtp_greeting.ts";
import { DEFAULT_ZMTP_LIMITS, type ZmtpLimits } from "../wire/zmtp_frames.ts";

export interface ZmqOptions {
  readonly log?: Log;
  /** What the log calls the socket, e.g. "publish-pull"; the socket type where absent. */
  readonly name?: string;
  /** The newest ZMTP 3 minor we offer; default 1. */
  readonly zmtpMinor?: ZmtpMinor;
  readonly limits?: Partial<ZmtpLimits>;
  /**
   * Messages a peer may have waiting to be written (ZMQ_SNDHWM); default 1000. What then happens is the socket type's.
   */
  readonly sendHighWater?: number;
  /** Messages of a peer that wait to be received (ZMQ_RCVHWM); default 1000. Then we stop reading from that peer. */
  readonly receiveHighWater?: number;
  /** The same bounds in bytes, for both queues; default 64 MiB. A single message may pass it. */
  readonly highWaterBytes?: number;
  /** Greeting and READY must be over by then; default 10 000 ms. */
  readonly handshakeMs?: number;
  /** Peers in their handshake at once; a new one then ends the oldest. Default 64. */
  readonly maxHandshakes?: number;
  /** Peers at once on all that is bound; more are turned away. Default 1024. */
  readonly maxPeers?: number;
  /** A PING after this long (ZMQ_HEARTBEAT_IVL); default 0: none. */
  readonly heartbeatMs?: number;
  /** Silence after which a peer that we ping is given up (ZMQ_HEARTBEAT_TIMEOUT); default `heartbeatMs`. */
  readonly heartbeatTimeoutMs?: number;
  /** The ttl in our PINGs: how long the peer shall put up with our silence (ZMQ_HEARTBEAT_TTL); default 0: for ever. */
  readonly heartbeatTtlMs?: number;
  /** The first pause before connecting again; it doubles up to the second. Defaults 100 and 5 000 ms. */
  readonly reconnectMs?: number;
  readonly reconnectMaxMs?: number;
  /** Told of every attempt to connect that failed, the handshake included, before the pause. */
  readonly onConnectFailed?: (thrown: unknown) => void;
  /** Who we say we are to a ROUTER (ZMQ_ROUTING_ID), 1 to 255 bytes not beginning with 0. */
  readonly routingId?: Uint8Array;
  /** The mode of bound ipc socket files, e.g. 0o660; the umask's where absent. */
  readonly ipcFileMode?: number;
}

export interface ZmqSettings extends Required<Omit<ZmqOptions, "limits" | "routingId" | "ipcFileMode">> {
  readonly limits: ZmtpLimits;
  readonly routingId: Uint8Array | undefined;
  readonly ipcFileMode: number | undefined;
}

export function settingsOf(socketType: string, options: ZmqOptions): ZmqSettings {
  const heartbeatMs = options.heartbeatMs ?? 0;
  return {
    log: options.log ?? silentLog,
    name: options.name ?? socketType,
    zmtpMinor: options.zmtpMinor ?? 1,
    limits: { ...DEFAULT_ZMTP_LIMITS, ...options.limits },
    sendHighWater: options.sendHighWater ?? 1000,
    receiveHighWater: options.receiveHighWater ?? 1000,
    highWaterBytes: options.highWaterBytes ?? 64 * 1024 * 1024,
    handshakeMs: options.handshakeMs ?? 10_000,
    maxHandshakes: options.maxHandshakes ?? 64,
    maxPeers: options.maxPeers ?? 1024,
    heartbeatMs,
    heartbeatTimeoutMs: options.heartbeatTimeoutMs ?? heartbeatMs,
    heartbeatTtlMs: options.heartbeatTtlMs ?? 0,
    reconnectMs: options.reconnectMs ?? 100,
    reconnectMaxMs: options.reconnectMaxMs ?? 5_000,
    onConnectFailed: options.onConnectFailed ?? (() => {}),
    routingId: options.routingId,
    ipcFileMode: options.ipcFileMode,
  };
}
