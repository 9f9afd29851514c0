/** Heads of HTTP messages as plain values: pairs in wire order, duplicates kept, latin-1 strings. */

/** One header field as it came or will go; names keep their case, comparisons ignore it. */
export type Header = readonly [name: string, value: string];

/** The head of a response. `reason` may be empty: the runtime sends the canonical phrase anyway. */
export interface ResponseHead {
  readonly code: number;
  readonly reason: string;
  readonly headers: readonly Header[];
}
