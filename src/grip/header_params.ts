/**
 * The value syntax of Grip headers (spec 2.1): comma lists, `;` parameters, quoted strings with backslash escapes.
 * An element with an unterminated quote is dropped, and no other.
 */

/** `name` or `name=value`; a bare name has the value "". Names keep their case. */
export type Param = readonly [name: string, value: string];

/** What stands before the first `;`, and the parameters after it. */
export interface HeaderElement {
  readonly value: string;
  readonly params: readonly Param[];
}

/** The elements of a comma list, trimmed, empty ones left out. Commas in quotes, and in `<…>`, do not split. */
export function splitList(value: string): string[] {
  const out: string[] = [];
  let start = 0;
  let close = "";
  for (let i = 0; i <= value.length; i++) {
    const c = value[i];
    if (c === undefined || (close === "" && c === ",")) {
      const element = value.slice(start, i).trim();
      if (element !== "") out.push(element);
      start = i + 1;
    } else if (close !== "") {
      if (c === "\\" && close === '"') i = Math.min(i + 1, value.length - 1);
      else if (c === close) close = "";
    } else if (c === '"') close = '"';
    // Only at an element's start: a "<" elsewhere is data, and must not swallow the elements after it.
    else if (c === "<" && value.slice(start, i).trim() === "") close = ">";
  }
  return out;
}

/** The parameters of `a=1; b="x;y"; c`; undefined where a quote does not end. Parts without a name are left out. */
export function parseParams(text: string): Param[] | undefined {
  const params: Param[] = [];
  let at = 0;
  while (at < text.length) {
    const nameEnd = firstOf(text, at, "=;");
    const name = text.slice(at, nameEnd).trim();
    if (text[nameEnd] !== "=") {
      if (name !== "") params.push([name, ""]);
      at = nameEnd + 1;
      continue;
    }
    const read = readValue(text, nameEnd + 1);
    if (read === undefined) return undefined;
    if (name !== "") params.push([name, read.value]);
    at = read.next;
  }
  return params;
}

/**
 * One element: a value and its parameters; undefined where a quote does not end.
 *
 * A value that begins with a quote is a quoted string, so that a channel may hold a comma or a semicolon, unless `raw`:
 * then it is all that stands before the first `;`, as it stands (keep-alive data).
 */
export function parseElement(
  text: string,
  options: { readonly raw?: boolean } = {},
): HeaderElement | undefined {
  if (options.raw !== true && text.trimStart().startsWith('"')) {
    const read = readValue(text, 0);
    if (read === undefined) return undefined;
    const params = parseParams(text.slice(read.next));
    return params && { value: read.value, params };
  }
  const end = firstOf(text, 0, ";");
  const params = parseParams(text.slice(end + 1));
  return params && { value: text.slice(0, end).trim(), params };
}

/** All elements of all values of a field, repeated or comma-joined. */
export function parseList(values: readonly string[]): HeaderElement[] {
  return values.flatMap(splitList).flatMap((text) => parseElement(text) ?? []);
}

/** The first parameter of a name, without regard to case. */
export function param(element: HeaderElement, name: string): string | undefined {
  return element.params.find(([n]) => n.toLowerCase() === name)?.[1];
}

/** Reads a token or a quoted string up to the next `;`. What stands between a closing quote and the `;` is ignored. */
function readValue(text: string, from: number): { value: string; next: number } | undefined {
  let at = from;
  while (text[at] === " " || text[at] === "\t") at++;
  if (text[at] !== '"') {
    const end = firstOf(text, at, ";");
    return { value: text.slice(at, end).trim(), next: end + 1 };
  }
  let value = "";
  for (at++; at < text.length; at++) {
    const c = text[at]!;
    if (c === '"') return { value, next: firstOf(text, at, ";") + 1 };
    if (c === "\\") {
      at++;
      if (at >= text.length) return undefined;
    }
    value += text[at];
  }
  return undefined;
}

function firstOf(text: string, from: number, chars: string): number {
  let at = from;
  while (at < text.length && !chars.includes(text[at]!)) at++;
  return at;
}
