/** What a scripted origin is told and what it tells: rules, answers, recorded requests. */
import { concatBytes, latin1Bytes } from "./bytes.ts";
import type { RawHeader } from "./http_message.ts";
import type { Gate } from "./wait.ts";
import type { WireEnd } from "./wire_reader.ts";

/** A request as it stood on the wire. */
export interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  /** `HTTP/1.1`. */
  readonly version: string;
  /** Names in their case, in order, duplicates kept. */
  readonly headers: readonly RawHeader[];
  /** The head's bytes, one character a byte. */
  readonly rawHead: string;
  readonly body: Uint8Array;
  /** The body, one character a byte. */
  readonly text: string;
  /** Which connection it came on, counted from 1. */
  readonly connection: number;
  /** Resolves when that connection has ended, with how. */
  readonly gone: Promise<WireEnd>;
  /** A field's value, several joined with ", "; the name in any case. */
  header(name: string): string | undefined;
}

/** A part of a body: bytes, a wait for a gate, or a delay in milliseconds. */
export type OriginPart = string | Uint8Array | Gate | { readonly delayMs: number };

/** How a rule answers. Everything has a default: 200 OK, no headers, empty body with Content-Length. */
export interface OriginResponse {
  readonly status?: number;
  readonly reason?: string;
  readonly headers?: readonly RawHeader[];
  /** Sent with Content-Length, unless the headers have one of their own or the status has no body. */
  readonly body?: string | Uint8Array;
  /** This text as a gzip body; say Content-Encoding in `headers`. */
  readonly gzip?: string;
  /** Each string or bytes one chunk of a chunked body. */
  readonly chunks?: readonly OriginPart[];
  /** These bytes and nothing else, then the end of the connection. */
  readonly raw?: string | Uint8Array | readonly OriginPart[];
  /** With `chunks`: the connection ends without the last chunk. */
  readonly truncate?: boolean;
  /** The connection ends after the response. */
  readonly close?: boolean;
  /** Waits before the first byte. */
  readonly before?: Gate;
}

export type OriginAnswer =
  | OriginResponse
  | ((request: RecordedRequest) => OriginResponse | Promise<OriginResponse>);

export interface OriginRule {
  /** The beginning of the request target, or a pattern for it. */
  readonly target: string | RegExp;
  /** How often the rule holds; forever where it is not given. */
  readonly times?: number;
  readonly respond: OriginAnswer;
}

/** The head a rule's answer begins with, framing fields included. */
export function headText(response: OriginResponse, bodyLength: number): string {
  const status = response.status ?? 200;
  const headers = [...response.headers ?? []];
  const hasLength = headers.some(([name]) => name.toLowerCase() === "content-length");
  if (response.chunks !== undefined) headers.push(["Transfer-Encoding", "chunked"]);
  else if (status !== 204 && status !== 304 && !hasLength) {
    headers.push(["Content-Length", String(bodyLength)]);
  }
  return `HTTP/1.1 ${status} ${response.reason ?? "OK"}\r\n` +
    headers.map(([name, value]) => `${name}: ${value}\r\n`).join("") + "\r\n";
}

/** One chunk of a chunked body. */
export function chunkOf(bytes: Uint8Array): Uint8Array {
  return concatBytes([latin1Bytes(`${bytes.length.toString(16)}\r\n`), bytes, latin1Bytes("\r\n")]);
}
