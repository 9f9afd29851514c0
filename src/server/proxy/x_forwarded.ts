/** X-Forwarded-For and X-Forwarded-Proto: what is believed of them and what is passed on (spec 1.3, 1.4 h, 1.6). */
import type { Header } from "../../grip/head.ts";

/** A rule set as in `x_forwarded_for`. */
export interface ForwardedForRules {
  /** Keep this many of the last entries; undefined keeps all. */
  readonly truncate?: number;
  /** Add the peer's address. */
  readonly append: boolean;
}

/** Reads `truncate:N` and `append`; a number that is none ends the reading, as in the original (spec 1.6). */
export function parseForwardedForRules(rules: readonly string[]): ForwardedForRules {
  let truncate: number | undefined;
  let append = false;
  for (const rule of rules.map((text) => text.trim())) {
    if (rule === "append") append = true;
    if (!rule.startsWith("truncate:")) continue;
    const count = rule.slice("truncate:".length);
    if (!/^\d+$/.test(count)) break;
    truncate = Number(count);
  }
  return { truncate, append };
}

/**
 * The field for the origin; undefined where there is nothing to say. `current` is the client's, values joined by commas.
 * A request without a peer (our own, or one over a unix socket) adds nothing.
 */
export function forwardedFor(
  current: string | undefined,
  rules: ForwardedForRules,
  peer: string | undefined,
): string | undefined {
  let entries = splitEntries(current);
  if (rules.truncate !== undefined) entries = rules.truncate === 0 ? [] : entries.slice(-rules.truncate);
  if (rules.append && peer !== undefined) entries.push(peer);
  return entries.length > 0 ? entries.join(", ") : undefined;
}

/** Who the client is, for logs and statistics: the first entry where the rules let the client say it (spec 1.6). */
export function logicalAddress(
  current: string | undefined,
  rules: ForwardedForRules,
  peer: string | undefined,
): string | undefined {
  if (rules.truncate === 0) return peer;
  const [first] = splitEntries(current);
  return first !== undefined && looksLikeAddress(first) ? first : peer;
}

/** True where the client is to be treated as one over TLS, whatever the listener says (spec 1.3). */
export function saysTls(headers: readonly Header[]): boolean {
  let protocol: string | undefined;
  for (const [name, value] of headers) {
    if (name === "x-forwarded-proto") return value === "https" || value === "wss";
    if (name === "x-forwarded-protocol") protocol = value;
  }
  return protocol === "https" || protocol === "wss";
}

function splitEntries(value: string | undefined): string[] {
  return (value ?? "").split(",").map((entry) => entry.trim()).filter((entry) => entry !== "");
}

function looksLikeAddress(text: string): boolean {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4 !== null) return v4.slice(1).every((part) => Number(part) <= 255);
  return text.includes(":") && /^[0-9a-f:.]{2,45}$/i.test(text);
}
