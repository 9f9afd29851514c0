/** wrk, run and read. Its histogram counts microseconds; percentiles come with two or three digits. */
import { runToEnd } from "../processes.ts";

export interface WrkOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** A Lua script's path. */
  readonly script?: string;
  readonly headers?: readonly string[];
}

export interface WrkResult {
  readonly requestsPerSecond: number;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were no 2xx or 3xx, and connections that failed. */
  readonly errors: number;
}

/** @throws {Error} with wrk's own words where it fails. */
export async function runWrk(options: WrkOptions): Promise<WrkResult> {
  const { url, connections, seconds, script, headers = [] } = options;
  const { code, stdout, stderr } = await runToEnd([
    "wrk",
    "--latency",
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    ...(script === undefined ? [] : ["-s", script]),
    ...headers.flatMap((header) => ["-H", header]),
    url,
  ]);
  if (code !== 0) throw new Error(`wrk failed: ${stderr}${stdout}`);
  return readWrk(stdout);
}

/** Reads what wrk prints. */
export function readWrk(text: string): WrkResult {
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  const sockets =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  return {
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    requests: number(/(\d+) requests in/),
    p50Ms: milliseconds(/^\s+50%\s+(\S+)/m.exec(text)?.[1]),
    p99Ms: milliseconds(/^\s+99%\s+(\S+)/m.exec(text)?.[1]),
    errors: number(/Non-2xx or 3xx responses: (\d+)/) +
      sockets.reduce((sum, count) => sum + Number(count), 0),
  };
}

function milliseconds(text: string | undefined): number {
  const parts = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? "");
  const scale = { us: 0.001, ms: 1, s: 1000, m: 60_000 }[parts?.[2] as "us" | "ms" | "s" | "m"] ?? Number.NaN;
  return Number(parts?.[1] ?? Number.NaN) * scale;
}
