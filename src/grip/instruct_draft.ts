/** What is gathered of an instruct while headers, then a JSON body, are read; the later overrides or extends. */
import { PushpinError } from "../errors.ts";
import type { Header, ResponseHead } from "./head.ts";
import { keepExposed, stripForClient } from "./headers.ts";
import type { ChannelRef, Hold, Instruct, KeepAlive, NextLink } from "./instruct.ts";
import { clientStatus, isBodylessStatus, reasonFor } from "./status.ts";

export const MAX_CHANNEL_FILTERS = 5;
export const DEFAULT_HOLD_SECONDS = 55;
export const MIN_HOLD_SECONDS = 5;
export const DEFAULT_KEEP_ALIVE_SECONDS = 55;
export const MIN_KEEP_ALIVE_SECONDS = 1;
export const DEFAULT_NEXT_LINK_SECONDS = 120;

/** One for all that have none: there are thousands. */
const NO_META: ReadonlyMap<string, string> = new Map();

export interface InstructDraft {
  mode?: "response" | "stream";
  timeoutSeconds?: number;
  keepAlive?: KeepAlive;
  /** By name: a channel named twice is one, as named last. */
  readonly channels: Map<string, ChannelRef>;
  readonly meta: Map<string, string>;
  nextLink?: NextLink;
  goneLink?: string;
  exposeHeaders?: readonly string[];
  code?: number;
  reason?: string;
}

export function newDraft(): InstructDraft {
  return { channels: new Map(), meta: new Map() };
}

/** The error of every instruct: `text` names the field, `value` is shown as JSON, shortened. */
export function instructError(text: string, value?: unknown): PushpinError {
  return new PushpinError(
    "PUSHPIN_INSTRUCT_INVALID",
    `Cannot read the origin's instruct: ${text}${value === undefined ? "" : `: ${shown(value)}`}`,
  );
}

/** Takes a channel in, checking its filters: five at most, by headers and by JSON alike (spec 2.3). */
export function addChannel(draft: InstructDraft, channel: ChannelRef): void {
  if (channel.filters.length > MAX_CHANNEL_FILTERS) {
    throw instructError(
      `channel "${channel.name}" has ${channel.filters.length} filters: use ${MAX_CHANNEL_FILTERS} at most`,
    );
  }
  draft.channels.set(channel.name, channel);
}

/** Makes the instruct of a draft and the response it applies to: strips, exposes, and settles the status (spec 2.2). */
export function finishDraft(draft: InstructDraft, response: ResponseHead, body: Uint8Array): Instruct {
  const notes: string[] = [];
  const code = draft.code ?? response.code;
  const reason = draft.reason ?? (draft.code === undefined ? response.reason : reasonFor(code));
  const status = clientStatus(code, reason);
  if (status.note !== undefined) notes.push(status.note);
  if (isBodylessStatus(status.code) && body.length > 0) {
    notes.push(`Status ${status.code} has no body: its body of ${body.length} bytes is left out`);
    body = body.subarray(0, 0);
  }
  const headers: readonly Header[] = keepExposed(stripForClient(response.headers), draft.exposeHeaders);
  const hold = holdOf(draft);
  return {
    ...(hold !== undefined && { hold }),
    channels: [...draft.channels.values()],
    meta: draft.meta.size === 0 ? NO_META : draft.meta,
    ...(draft.nextLink !== undefined && { nextLink: draft.nextLink }),
    ...(draft.goneLink !== undefined && { goneLink: draft.goneLink }),
    ...(draft.exposeHeaders !== undefined && { exposeHeaders: draft.exposeHeaders }),
    head: { code: status.code, reason: status.reason, headers },
    body,
    ...(notes.length > 0 && { notes }),
  };
}

function holdOf(draft: InstructDraft): Hold | undefined {
  if (draft.mode === "response") {
    return {
      mode: "response",
      timeoutSeconds: Math.max(draft.timeoutSeconds ?? DEFAULT_HOLD_SECONDS, MIN_HOLD_SECONDS),
    };
  }
  if (draft.mode === undefined) return undefined;
  return draft.keepAlive === undefined ? { mode: "stream" } : { mode: "stream", keepAlive: draft.keepAlive };
}

function shown(value: unknown): string {
  const text = value instanceof Uint8Array ? `${value.length} bytes` : JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
