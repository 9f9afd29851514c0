/** Grip-* fields of a response (spec 2.2). Grip-Last and Grip-Session-* mean nothing in a response and are ignored. */
import { decodeBase64Leniently } from "./base64.ts";
import type { Header } from "./head.ts";
import {
  type HeaderElement,
  param,
  parseElement,
  parseList,
  parseParams,
  splitList,
} from "./header_params.ts";
import { headerValue, headerValues } from "./headers.ts";
import type { ChannelRef, KeepAlive } from "./instruct.ts";
import {
  addChannel,
  DEFAULT_KEEP_ALIVE_SECONDS,
  DEFAULT_NEXT_LINK_SECONDS,
  type InstructDraft,
  instructError,
  MIN_KEEP_ALIVE_SECONDS,
} from "./instruct_draft.ts";
import { latin1Bytes, textFromHeader } from "./text.ts";

const MAX_SECONDS = 0x7fffffff;

/** Reads all Grip-* fields into the draft. @throws {PushpinError} `PUSHPIN_INSTRUCT_INVALID`, naming field and value */
export function readGripHeaders(draft: InstructDraft, headers: readonly Header[]): void {
  const hold = headerValue(headers, "grip-hold")?.trim();
  if (hold === "response" || hold === "stream") draft.mode = hold;
  else if (hold !== undefined) {
    throw instructError(`Grip-Hold is ${JSON.stringify(hold)}: use "response", "stream" or no such field`);
  }

  for (const element of parseList(headerValues(headers, "grip-channel"))) {
    if (element.value !== "") addChannel(draft, channelOf(element));
  }

  const timeout = headerValue(headers, "grip-timeout");
  if (timeout !== undefined) draft.timeoutSeconds = seconds("Grip-Timeout", timeout);

  const keepAlive = headerValue(headers, "grip-keep-alive");
  if (keepAlive !== undefined) draft.keepAlive = keepAliveOf(keepAlive) ?? draft.keepAlive;

  for (const element of headerValues(headers, "grip-set-meta").flatMap(splitList)) {
    const first = parseParams(element)?.[0];
    if (first !== undefined) draft.meta.set(textFromHeader(first[0]), textFromHeader(first[1]));
  }

  for (const element of parseList(headerValues(headers, "grip-link"))) readLink(draft, element);

  const status = headerValue(headers, "grip-status");
  if (status !== undefined) {
    const [, code, reason] = /^(\d{1,3})(?:[ \t]+(.*))?$/.exec(status.trim()) ?? [];
    if (code === undefined) {
      throw instructError(`Grip-Status is ${JSON.stringify(status)}: use a code from 200 to 599`);
    }
    draft.code = Number(code);
    if (reason !== undefined && reason !== "") draft.reason = reason;
  }

  const expose = headerValues(headers, "grip-expose-headers");
  if (expose.length > 0) draft.exposeHeaders = parseList(expose).map((e) => e.value.toLowerCase());
}

/**
 * The bytes of a C-style string: `\\`, `\r`, `\n`, `\xHH`; any other escape stands for nothing (spec 2.2).
 *
 * @throws {PushpinError} `PUSHPIN_INSTRUCT_INVALID` for a lone backslash at the end or a bad `\x`
 */
export function decodeCString(text: string): Uint8Array {
  const out = text.replace(/\\(?:x([0-9a-fA-F]{2})|([^])|$)/g, (escape, hex?: string, letter?: string) => {
    if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
    if (letter === undefined || letter === "x") {
      throw instructError(`Grip-Keep-Alive has a bad escape ${JSON.stringify(escape)}`, text);
    }
    return letter === "\\" ? "\\" : letter === "r" ? "\r" : letter === "n" ? "\n" : "";
  });
  return latin1Bytes(out);
}

function channelOf(element: HeaderElement): ChannelRef {
  const prevId = param(element, "prev-id");
  return {
    name: textFromHeader(element.value),
    ...(prevId !== undefined && { prevId: textFromHeader(prevId) }),
    filters: element.params.filter(([name]) => name === "filter").map(([, value]) => value),
  };
}

/** Undefined where a quote does not end: such a value is dropped, as every other is (spec 2.1). */
function keepAliveOf(value: string): KeepAlive | undefined {
  // The data may hold quotes and commas (JSON, SSE), so the field is one element and its data is taken as it stands.
  const element = parseElement(value, { raw: true });
  if (element === undefined) return undefined;
  const data = keepAliveData(element);
  if (data.length === 0) throw instructError("Grip-Keep-Alive has no data", value);
  const mode = param(element, "mode") ?? "idle";
  if (mode !== "idle" && mode !== "interval") {
    throw instructError(`Grip-Keep-Alive has mode ${JSON.stringify(mode)}: use "idle" or "interval"`);
  }
  const timeout = param(element, "timeout");
  const timeoutSeconds = timeout === undefined
    ? DEFAULT_KEEP_ALIVE_SECONDS
    : Math.max(seconds("Grip-Keep-Alive timeout", timeout), MIN_KEEP_ALIVE_SECONDS);
  return { data, timeoutSeconds, mode };
}

function keepAliveData(element: HeaderElement): Uint8Array {
  const format = param(element, "format") ?? "raw";
  switch (format) {
    case "raw":
      return latin1Bytes(element.value);
    case "cstring":
      return decodeCString(element.value);
    case "base64":
      return decodeBase64Leniently(element.value);
    default:
      throw instructError(
        `Grip-Keep-Alive has format ${JSON.stringify(format)}: use "raw", "cstring" or "base64"`,
      );
  }
}

function readLink(draft: InstructDraft, element: HeaderElement): void {
  if (element.params.length === 0) return;
  const rel = param(element, "rel");
  const uri = /^<([^<>]*)>$/.exec(element.value)?.[1];
  if (uri === undefined) throw instructError("Grip-Link is not of the form <uri>; rel=…", element.value);
  // Against any base: what it is relative to is not known here, whether it is a URI reference at all is.
  if (uri.trim() === "" || !URL.canParse(uri, "http://origin.invalid/")) {
    throw instructError("Grip-Link has an invalid URI", uri);
  }
  if (rel === "gone") draft.goneLink = uri;
  if (rel !== "next") return;
  const timeout = param(element, "timeout");
  draft.nextLink = {
    uri,
    timeoutSeconds: timeout === undefined ? DEFAULT_NEXT_LINK_SECONDS : seconds("Grip-Link timeout", timeout),
  };
}

function seconds(field: string, value: string): number {
  const number = /^\d{1,10}$/.test(value.trim()) ? Number(value) : NaN;
  if (!(number <= MAX_SECONDS)) {
    throw instructError(`failed to parse ${field} ${JSON.stringify(value)}: use a whole number of seconds`);
  }
  return number;
}
