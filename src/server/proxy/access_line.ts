/** The line that says what became of a request (spec 9.4). Names, not bodies: nothing here is secret but what a URI holds. */
import type { Header } from "../../grip/head.ts";

/** How a request ended, as far as it is known when its head goes out. */
export type AccessOutcome =
  /** `bytes` is undefined where the body is streamed and nobody said how long it is: counting would mean copying it. */
  | { readonly kind: "code"; readonly code: number; readonly bytes: number | undefined }
  /** Handed over to a hold. */
  | { readonly kind: "accept" }
  | { readonly kind: "error" };

export interface AccessEntry {
  readonly method: string;
  /** `scheme://authority/path` as the proxy sees it. */
  readonly uri: string;
  /** `host:port` or `test`; undefined where none was asked. */
  readonly target?: string;
  readonly from?: string;
  readonly referer?: string;
  readonly routeId?: string;
  readonly userAgent?: string;
  readonly outcome: AccessOutcome;
  readonly retry?: boolean;
  /** Grip-Last fields that were sent. */
  readonly gripLast?: readonly Header[];
}

/** `GET http://host/path -> origin:80 ref=… route=… code=200 12`; an unknown count of bytes is `-`. */
export function accessLine(entry: AccessEntry): string {
  let line = `${entry.method} ${entry.uri}`;
  if (entry.target !== undefined) line += ` -> ${entry.target}`;
  if (entry.from !== undefined) line += ` from=${entry.from}`;
  if (entry.referer !== undefined) line += ` ref=${entry.referer}`;
  if (entry.routeId !== undefined) line += ` route=${entry.routeId}`;
  line += outcomeText(entry.outcome);
  if (entry.retry === true) line += " retry";
  if (entry.userAgent !== undefined) line += ` ua=${entry.userAgent}`;
  for (const [, value] of entry.gripLast ?? []) line += lastText(value);
  return line;
}

function outcomeText(outcome: AccessOutcome): string {
  return outcome.kind === "code" ? ` code=${outcome.code} ${outcome.bytes ?? "-"}` : ` ${outcome.kind}`;
}

/** `channel; last-id=id` as ` #channel=id`. */
function lastText(value: string): string {
  const at = value.indexOf("; last-id=");
  return at === -1 ? ` #${value}` : ` #${value.slice(0, at)}=${value.slice(at + "; last-id=".length)}`;
}
