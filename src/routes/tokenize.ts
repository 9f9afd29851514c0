/**
 * One line of the routes file as sections of properties (spec 7.1). Sections stand between spaces (a tab is no
 * separator), properties between commas; `"…"` protects spaces, commas, `=` and `#`, with the escapes `\"` and `\\`.
 *
 * A `#` begins a comment where a section could begin. Inside a word it is a part of the word, because cutting
 * `sig_key=pass#word` off in silence would be worse than reporting `localhost:80#note` as a bad port.
 */
import { PushpinError } from "../errors.ts";

/** `name` or `name=value`; the value is undefined where there is no `=`. */
export interface Property {
  readonly name: string;
  readonly value?: string;
}

export interface Section {
  /** What stands before the first comma; undefined where that is a property (`id=a`). */
  readonly value?: string;
  readonly properties: readonly Property[];
  /** True where an unquoted `#` stands inside a word of it. */
  readonly hashInside: boolean;
}

/**
 * @throws {PushpinError} `PUSHPIN_ROUTE_INVALID` for an open quote, an unknown escape, or an empty property name.
 */
export function tokenize(line: string): readonly Section[] {
  const sections: Section[] = [];
  let parts: Property[] = [];
  let text = "";
  let name: string | undefined; // set by the first unquoted "=" of a part
  let inSection = false;
  let quoted = false;
  let hashInside = false;

  const endPart = () => {
    parts.push(name === undefined ? { name: text } : { name, value: text });
    text = "";
    name = undefined;
  };
  const endSection = () => {
    if (!inSection) return;
    endPart();
    sections.push(toSection(parts, hashInside));
    parts = [];
    inSection = false;
    hashInside = false;
  };

  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (quoted) {
      if (c === '"') quoted = false;
      else if (c === "\\") text += unescape(line[++i]);
      else text += c;
      continue;
    }
    if (c === " ") {
      endSection();
      continue;
    }
    if (c === "#" && !inSection) break;
    inSection = true;
    if (c === '"') quoted = true;
    else if (c === ",") endPart();
    else if (c === "=" && name === undefined) {
      name = text;
      text = "";
    } else {
      if (c === "#") hashInside = true;
      text += c;
    }
  }
  if (quoted) throw bad('a quote is not closed: add the missing "');
  endSection();
  return sections;
}

function unescape(c: string | undefined): string {
  if (c === '"' || c === "\\") return c;
  if (c === undefined) throw bad('the line ends inside an escape: only \\" and \\\\ may stand in quotes');
  throw bad(`unknown escape "\\${c}": only \\" and \\\\ may stand in quotes`);
}

function toSection(parts: readonly Property[], hashInside: boolean): Section {
  const [first, ...rest] = parts;
  const isValue = first !== undefined && first.value === undefined;
  const properties = isValue ? rest : parts;
  if (properties.some((p) => p.name === "")) {
    throw bad("a property has no name: two commas, a comma at the end, or nothing before an =");
  }
  return { ...(isValue && { value: first.name }), properties, hashInside };
}

/** A problem that costs the line; `what` is worded to stand behind the line's place. */
export function bad(what: string): PushpinError {
  return new PushpinError("PUSHPIN_ROUTE_INVALID", what);
}
