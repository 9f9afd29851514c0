/**
 * RFC 6902 patches on held bodies (spec 3.2). The library does the operations; it looks names up along the prototype
 * chain, so every pointer is walked here first and may only name what the document itself has.
 */
import jsonPatch from "fast-json-patch";
import type { Operation } from "fast-json-patch";
import { PushpinError } from "../errors.ts";
import type { JsonPatch } from "./publish_item.ts";
import { strictText, utf8 } from "./text.ts";

const OPERATIONS: ReadonlySet<unknown> = new Set(["add", "remove", "replace", "move", "copy", "test"]);

/** Operations in one patch. */
export const MAX_PATCH_OPERATIONS = 10_000;

/** Characters of JSON that the copies of one patch may come to: thirty copies of a document into itself are a billion. */
export const MAX_COPIED_CHARS = 16_000_000;

/**
 * The body with the operations applied: compact JSON, keys in sorted order, the newline at its end kept (`\n` or `\r\n`).
 * All or nothing; the given bytes are not changed. `test` compares values as they are; the original compares numbers as integers.
 *
 * Where it throws, the original delivers an empty body; the caller decides.
 *
 * @throws {PushpinError} `PUSHPIN_PATCH_INVALID` where the body is no JSON object or list, or an operation cannot be done
 */
export function applyBodyPatch(body: Uint8Array, patch: JsonPatch): Uint8Array {
  const text = strictText(body);
  if (text === undefined) throw patchError("body is not UTF-8");
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw patchError("body is not JSON", cause);
  }
  if (typeof document !== "object" || document === null) throw patchError("body is no JSON object or list");
  if (patch.length > MAX_PATCH_OPERATIONS) {
    throw patchError(`${patch.length} operations: use ${MAX_PATCH_OPERATIONS} at most`);
  }
  const budget = { chars: MAX_COPIED_CHARS };
  for (const [i, operation] of patch.entries()) {
    document = applyOne(document, operation, { index: i, budget });
  }
  const newline = text.endsWith("\r\n") ? "\r\n" : text.endsWith("\n") ? "\n" : "";
  try {
    return utf8(JSON.stringify(sorted(document)) + newline);
  } catch (cause) { // a document nested deeper than the stack
    throw patchError("result cannot be written", cause);
  }
}

function applyOne(
  document: unknown,
  operation: Readonly<Record<string, unknown>>,
  { index, budget }: { readonly index: number; readonly budget: { chars: number } },
): unknown {
  const at = `operation ${index + 1}`;
  const { op, path, from } = operation;
  if (!OPERATIONS.has(op)) throw patchError(`${at} is ${JSON.stringify(op)}`);
  if (typeof path !== "string") throw patchError(`${at} has no path`);
  walk(document, path, {
    last: op === "add" || op === "move" || op === "copy" ? "may be new" : "is there",
    at,
  });
  if (op === "move" || op === "copy") {
    if (typeof from !== "string") throw patchError(`${at} has no from`);
    const source = walk(document, from, { last: "is there", at });
    if (op === "move" && path.startsWith(`${from}/`)) {
      throw patchError(`${at} moves "${from}" into itself`);
    }
    if (op === "copy" && (budget.chars -= jsonLength(source, at)) < 0) {
      throw patchError(`${at} copies too much: all copies together may be ${MAX_COPIED_CHARS} characters`);
    }
  }
  try {
    // In place: the document is ours. Values are copied, since the patch is shared by all who get the item.
    return jsonPatch.applyOperation(document, JSON.parse(JSON.stringify(operation)) as Operation, true, true)
      .newDocument;
  } catch (cause) {
    // The library's messages carry the whole document; the name says what was wrong.
    const name = cause instanceof Error ? cause.name : String(cause);
    throw patchError(`${at} (${String(op)} "${path}") failed: ${name}`);
  }
}

/** The value at a JSON pointer, found through own members only; undefined where it may be new and is. */
function walk(
  document: unknown,
  pointer: string,
  to: { last: "is there" | "may be new"; at: string },
): unknown {
  if (pointer === "") return document;
  const [start, ...tokens] = pointer.split("/");
  const fail = () => patchError(`${to.at} names "${pointer.slice(0, 200)}", which is not there`);
  if (start !== "") throw fail();
  let value = document;
  for (const [i, escaped] of tokens.entries()) {
    const token = escaped.replaceAll("~1", "/").replaceAll("~0", "~");
    if (token === "__proto__") throw fail();
    const mayBeNew = to.last === "may be new" && i === tokens.length - 1;
    if (Array.isArray(value)) {
      if (mayBeNew && token === "-") return undefined;
      if (!/^(0|[1-9]\d{0,9})$/.test(token)) throw fail();
      if (Number(token) >= value.length + (mayBeNew ? 1 : 0)) throw fail();
      value = value[Number(token)];
    } else if (typeof value === "object" && value !== null) {
      if (!mayBeNew && !Object.hasOwn(value, token)) throw fail();
      value = (value as Record<string, unknown>)[token];
    } else throw fail();
  }
  return value;
}

function jsonLength(value: unknown, at: string): number {
  try {
    return JSON.stringify(value).length;
  } catch (cause) { // nested deeper than the stack
    throw patchError(`${at} copies what cannot be written`, cause);
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  // Digit keys come first whatever the order (ECMAScript), which is where most of them sort anyway.
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

function patchError(text: string, cause?: unknown): PushpinError {
  return new PushpinError("PUSHPIN_PATCH_INVALID", `Cannot patch the held body: ${text}`, { cause });
}
