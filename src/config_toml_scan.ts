/**
 * Finds where the keys and values of a TOML text stand. The library that parses TOML keeps no lines, and a message
 * without a line is of little use to whoever wrote the file; so the text is cut into `key = value` pieces here, each
 * with its line, and the library reads one value at a time.
 */

export interface TomlEntry {
  /** Section and key, dotted and quoted parts taken apart. */
  readonly path: readonly string[];
  /** Counted from 1. */
  readonly line: number;
  /** The value's text, comments behind it included. */
  readonly value: string;
}

export interface TomlScan {
  readonly entries: readonly TomlEntry[];
  readonly problems: readonly { readonly line: number; readonly what: string }[];
}

const KEY_PART = /[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)')[ \t]*/y;

/** Never throws; what cannot be a TOML line is a problem, and reading goes on with the next line. */
export function scanToml(source: string): TomlScan {
  const text = source.replace(/^\ufeff/, "").replace(/\r\n/g, "\n");
  const entries: TomlEntry[] = [];
  const problems: { line: number; what: string }[] = [];
  const sections = new Map<string, number>();
  let section: readonly string[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const start = at;
    const eol = endOfLine(text, at);
    const trimmed = text.slice(at, eol).trim();
    if (trimmed === "" || trimmed.startsWith("#")) {
      at = eol + 1;
    } else if (trimmed.startsWith("[")) {
      const name = sectionName(trimmed);
      if (name === undefined) {
        problems.push({ line, what: `"${trimmed}" is not a section: write [name]` });
      } else {
        const joined = name.join(".");
        const before = sections.get(joined);
        if (before !== undefined) {
          problems.push({ line, what: `section [${joined}] is there twice, first on line ${before}` });
        }
        sections.set(joined, before ?? line);
        section = name;
      }
      at = eol + 1;
    } else {
      const key = keyPath(text, at);
      if (key === undefined || text[key.end] !== "=") {
        problems.push({ line, what: `"${short(trimmed)}" is not a setting: write key = value` });
        at = eol + 1;
      } else {
        const end = endOfValue(text, key.end + 1);
        entries.push({ path: [...section, ...key.path], line, value: text.slice(key.end + 1, end) });
        at = end + 1;
      }
    }
    line += countLines(text, start, Math.min(at, text.length));
  }
  return { entries, problems };
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let i = text.indexOf("\n", from); i >= 0 && i < to; i = text.indexOf("\n", i + 1)) count++;
  return count;
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function keyPath(text: string, from: number): { path: string[]; end: number } | undefined {
  const path: string[] = [];
  let at = from;
  while (true) {
    KEY_PART.lastIndex = at;
    const match = KEY_PART.exec(text);
    if (match === null) return undefined;
    path.push(match[1] ?? match[2] ?? match[3] ?? "");
    at = KEY_PART.lastIndex;
    if (text[at] !== ".") return { path, end: at };
    at++;
  }
}

function sectionName(line: string): readonly string[] | undefined {
  const inner = /^\[([^\[\]]*)\]\s*(?:#.*)?$/.exec(line)?.[1];
  if (inner === undefined) return undefined;
  const key = keyPath(inner, 0);
  return key !== undefined && key.end === inner.length ? key.path : undefined;
}

/** The end of the line that ends the value that begins here: strings and brackets may carry it over several. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const c = text[at];
    if (c === "\n" && depth === 0) return at;
    else if (c === "#") at = endOfLine(text, at) - 1;
    else if (c === "[" || c === "{") depth++;
    else if (c === "]" || c === "}") depth = Math.max(0, depth - 1);
    else if (c === '"' || c === "'") at = endOfString(text, at) - 1;
  }
  return text.length;
}

/** Behind the closing quote; an unclosed one-line string ends before its line does. */
function endOfString(text: string, from: number): number {
  const quote = text[from] ?? "";
  const triple = text.startsWith(quote.repeat(3), from);
  const closing = triple ? quote.repeat(3) : quote;
  for (let at = from + closing.length; at < text.length; at++) {
    if (text[at] === "\\" && quote === '"' && text[at + 1] !== "\n") at++;
    else if (text[at] === "\n" && !triple) return at;
    else if (text.startsWith(closing, at)) return at + closing.length;
  }
  return text.length;
}
