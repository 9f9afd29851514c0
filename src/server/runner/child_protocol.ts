/**
 * What a child says to the runner, on its standard error, one line each, begun by a byte that no log line has; its log
 * goes to standard output. The runner says nothing: it holds the child's standard input open, and its end is the news
 * that the runner is gone. Signals do the rest. Pure.
 */

/** Set by the runner for its children: `ChildSlot` as JSON. */
export const SLOT_VARIABLE = "PUSHPIN_CHILD_SLOT";

/** A child that ends with this before it was ever ready cannot start as it is configured; starting again is no help. */
export const EXIT_CANNOT_START = 78;

/** What a child is in its runner. */
export interface ChildSlot {
  readonly role: "proxy" | "handler";
  /** In log lines: "proxy 1", "handler". */
  readonly label: string;
  /** Counts from 1 within the role. */
  readonly index: number;
  /** Proxies that this runner keeps; a handler expects as many on its link. */
  readonly proxies: number;
  /** How often the child shows that it lives. */
  readonly beatMs: number;
}

export type ChildNote =
  | { readonly type: "beat" }
  /** Every listener of the child answers. */
  | { readonly type: "ready" }
  /** Why the child cannot start; its exit follows. */
  | { readonly type: "fatal"; readonly message: string };

const MARK = "\u0001pushpin ";

/** With its line end. */
export function formatNote(note: ChildNote): string {
  return `${MARK}${JSON.stringify(note)}\n`;
}

/** Undefined for a line that is no note, as a runtime's own words on standard error are. */
export function parseNote(line: string): ChildNote | undefined {
  if (!line.startsWith(MARK)) return undefined;
  const note = fields(line.slice(MARK.length));
  if (note.type === "beat" || note.type === "ready") return { type: note.type };
  return note.type === "fatal" ? { type: "fatal", message: String(note.message) } : undefined;
}

/** The variable's value. */
export function formatSlot(slot: ChildSlot): string {
  return JSON.stringify(slot);
}

/** The slot that the variable names; undefined where it names none, as in a program without a runner. */
export function parseSlot(text: string | undefined): ChildSlot | undefined {
  const { role, label, index, proxies, beatMs } = fields(text ?? "");
  if (role !== "proxy" && role !== "handler") return undefined;
  return {
    role,
    label: String(label),
    index: Number(index) || 1,
    proxies: Number(proxies) || 0,
    beatMs: Number(beatMs) || 1000,
  };
}

function fields(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    // No JSON, hence none of ours; the caller says "undefined".
    return {};
  }
}
