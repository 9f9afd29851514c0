/** A line of the routes file in exact types (spec section 7). */
import type { Header } from "../grip/head.ts";

/** How a request finds the line; undefined means "any". */
export interface RouteCondition {
  /** Exact host in lower case, "*" for any, or undefined for a line that is found by id only. */
  readonly host?: string;
  readonly proto?: "http" | "ws";
  readonly ssl?: boolean;
  readonly pathBeg?: string;
}

export type Target =
  | { readonly kind: "test"; readonly subs: readonly string[] }
  | {
    readonly kind: "http";
    /** Without brackets for IPv6. */
    readonly hostname: string;
    readonly port: number;
    readonly ssl: boolean;
    /** Host header and SNI for this target, `name[:port]`. */
    readonly host?: string;
    readonly insecure: boolean;
    readonly trustConnectHost: boolean;
    readonly untrusted: boolean;
    readonly overHttp: boolean;
    readonly oneEvent: boolean;
    /** Implicit subscriptions, not prefixed. */
    readonly subs: readonly string[];
    /** PEM text, read when the line was loaded. */
    readonly clientCert?: { readonly cert: string; readonly key: string };
  };

export interface JsonpOptions {
  readonly mode: "basic" | "extended";
  readonly callback: string;
  readonly body?: string;
  readonly defaultCallback?: string;
  readonly defaultMethod: string;
}

export interface Route {
  /** The explicit id; shown in logs and stats. */
  readonly id?: string;
  /** Where it stands, for messages: `routes:3`. */
  readonly where: string;
  readonly condition: RouteCondition;
  readonly pathRem: number;
  readonly replaceBeg?: string;
  readonly asHost?: string;
  readonly sigIss?: string;
  readonly sigKey?: string;
  readonly prefix: string;
  /** Name and value; an empty value deletes the field. */
  readonly headers: readonly Header[];
  readonly origHeaders: boolean;
  readonly debug: boolean;
  readonly grip: boolean;
  readonly autoCrossOrigin: boolean;
  readonly jsonp: JsonpOptions;
  readonly session: boolean;
  readonly sockjs?: { readonly prefix: string; readonly asPath?: string };
  readonly logLevel?: number;
  readonly targets: readonly [Target, ...Target[]];
}

/** What routing asks of a request. `path` is normalised and has its query. */
export interface RouteQuery {
  readonly host: string;
  readonly path: string;
  readonly proto: "http" | "ws";
  readonly ssl: boolean;
  /** From Pushpin-Route, where that is accepted. */
  readonly routeId?: string;
}
