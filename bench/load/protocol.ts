/** What the harness tells a generator process, one JSON line each, and what it says back. */
import type { Dialect, HoldKind } from "./dialect.ts";

export interface OpenCommand {
  readonly do: "open";
  readonly port: number;
  readonly dialect: Dialect;
  readonly kind: HoldKind;
  readonly count: number;
  /** Client i subscribes to channel `${channel}${i % channels}`. */
  readonly channel: string;
  readonly channels: number;
  /** Connections on their way at a time; a stream counts until its head has come, a long-poll until it is sent. */
  readonly window: number;
}

export interface PublishCommand {
  readonly do: "publish";
  readonly port: number;
  readonly dialect: Dialect;
  readonly channel: string;
  readonly channels: number;
  /** Message m goes to channel `${channel}${m % channels}`. */
  readonly messages: number;
  readonly bytes: number;
  /** `step`: the next publish when every client has this one. `burst`: as fast as the publishes are answered. */
  readonly pace: "step" | "burst";
  /** Kept connections that publish at the same time. */
  readonly connections: number;
  /** Items in a request; 1 but where the dialect has batches. */
  readonly batch: number;
  /** Deliveries in all when none is lost. */
  readonly expected: number;
}

export type Command =
  | OpenCommand
  | PublishCommand
  /** So many small items to channel `${channel}0` by ZeroMQ PUSH; the clock stops with the last delivery. */
  | { readonly do: "push"; readonly port: number; readonly channel: string; readonly messages: number }
  /** Deliveries are counted from here. */
  | { readonly do: "reset" }
  /** Waits until so many deliveries have come, or none for `patienceMs`. */
  | { readonly do: "drain"; readonly expected: number; readonly patienceMs: number }
  /** Every client that was answered asks again on its connection, or on a new one where that was closed. */
  | { readonly do: "again" }
  /** All connections are closed. */
  | { readonly do: "close" };

export interface Reply {
  /** What went wrong; everything else is absent then. */
  readonly error?: string;
  readonly seconds: number;
  /** CPU seconds of the generator in that time. */
  readonly cpuSeconds: number;
  /** Clients that were opened, or that asked again. */
  readonly opened: number;
  /** Connections that were refused, closed or answered with something else than 200. */
  readonly failed: number;
  readonly delivered: number;
  /** Over the clients: the one that got fewest and the one that got most. */
  readonly fewest: number;
  readonly most: number;
  /** Publishes that were not answered with 200. */
  readonly refused: number;
  /** Deliveries that never came. */
  readonly lost: number;
}
