/** The cases: what a scripted origin answers and what clients and publishers do. `scenarios.json` holds them. */
import type { OriginPart, OriginResponse, OriginRule } from "../helpers/origin_script.ts";
import type { RawHeader } from "../helpers/http_message.ts";

/** A delay in seconds and a text. */
export type TimedText = readonly [seconds: number, text: string];

export interface RespondSpec {
  readonly status?: number;
  readonly reason?: string;
  readonly headers?: readonly RawHeader[];
  readonly body?: string;
  readonly gzip?: string;
  readonly chunks?: readonly TimedText[];
  readonly truncate?: boolean;
  readonly close?: boolean;
  readonly raw?: string | readonly (string | TimedText)[];
}

export interface RuleSpec {
  readonly target: string;
  readonly times?: number;
  readonly respond: RespondSpec;
}

export interface RequestSpec {
  readonly method?: string;
  readonly target: string;
  readonly version?: string;
  readonly headers?: readonly RawHeader[];
  readonly body?: string;
}

/** Connections have names; times are in seconds. */
export type Step =
  | { readonly send: string; readonly request?: RequestSpec; readonly raw?: string; readonly settle?: number }
  | { readonly read: string; readonly for?: number }
  | { readonly publish: unknown; readonly type?: string; readonly method?: string; readonly path?: string }
  | { readonly zmq: unknown }
  | { readonly wait: number }
  | { readonly close: string };

export interface Scenario {
  readonly name: string;
  readonly origin: readonly RuleSpec[];
  readonly steps: readonly Step[];
}

/** The cases whose name begins with one of `prefixes`; all of them for none. */
export function selectScenarios(all: readonly Scenario[], prefixes: readonly string[]): readonly Scenario[] {
  return all.filter(({ name }) => prefixes.length === 0 || prefixes.some((p) => name.startsWith(p)));
}

/** The origin's rules for a case; `seen` hears of each request that one of them answers. */
export function originRules(
  specs: readonly RuleSpec[],
  seen: (request: Parameters<Extract<OriginRule["respond"], (...args: never) => unknown>>[0]) => void,
): readonly OriginRule[] {
  return specs.map(({ target, times, respond }) => ({
    target,
    ...(times !== undefined && { times }),
    respond: (request) => {
      seen(request);
      return originResponse(respond);
    },
  }));
}

function originResponse(spec: RespondSpec): OriginResponse {
  const { chunks, raw, ...rest } = spec;
  return {
    ...rest,
    ...(chunks && { chunks: chunks.flatMap(timed) }),
    ...(raw !== undefined && { raw: typeof raw === "string" ? raw : raw.flatMap(timed) }),
  };
}

function timed(part: string | TimedText): readonly OriginPart[] {
  return typeof part === "string" ? [part] : [{ delayMs: part[0] * 1000 }, part[1]];
}
