/** What is measured: a program that can be started in a lab and spoken to in its dialect. */
import type { Lab } from "../lab.ts";
import type { Origin } from "../origin.ts";
import type { ProcessGroup } from "../processes.ts";
import type { Dialect } from "../load/dialect.ts";

export type PeerName =
  | "ours"
  | "ours-2"
  | "base"
  | "base-2"
  | "nginx"
  | "nginx-kept"
  | "nginx-2"
  | "nchan"
  | "nchan-2"
  | "pushpin"
  | "bare"
  | "raw";

export interface Peer {
  readonly name: PeerName;
  /** For the heading of the table. */
  readonly title: string;
  /** Why it cannot be measured here; undefined where it can. */
  missing(): Promise<string | undefined>;
  start(lab: Lab, origin: Origin): Promise<RunningPeer>;
}

export interface RunningPeer extends AsyncDisposable {
  readonly name: PeerName;
  readonly group: ProcessGroup;
  /** Where clients come in. */
  readonly port: number;
  /** Where publishes come in; undefined where there are none. */
  readonly publishPort?: number;
  /** Where publishes come in by ZeroMQ (PULL). */
  readonly zmqPort?: number;
  readonly dialect: Dialect;
  /** How long after the last answer of its origin a hold is sure to be subscribed. */
  readonly settleMs: number;
  /** How long without work until it has given back what memory it will: V8 in three steps of 8 s, we after 30 s. */
  readonly calmMs: number;
  /** How many holds it has taken on this channel, or how often it asked its origin: a number that grows by one a hold. */
  held(channel: string): Promise<number>;
}
