/**
 * Reads a configuration file's text into entries: which key, which value, on which line. Whether a key exists and a
 * value fits is decided later, by one code for files, variables and flags. Pure: the caller reads the files.
 */
import { parse } from "@std/toml";
import { scanToml } from "./config_toml_scan.ts";
import type { Problem } from "./config_wording.ts";

/** A value as its source gave it. */
export type RawValue =
  | { readonly from: "text"; readonly text: string }
  | { readonly from: "toml"; readonly value: unknown };

export interface Entry {
  readonly section: string;
  readonly key: string;
  readonly raw: RawValue;
  /** `pushpin.toml:12`, `PUSHPIN_RUNDIR`, `--port`. */
  readonly where: string;
}

export interface FileContent {
  readonly entries: readonly Entry[];
  readonly problems: readonly Problem[];
}

/** TOML of `[section]` tables with plain values. Every bad line costs that line only. */
export function readToml(text: string, file: string): FileContent {
  const entries: Entry[] = [];
  const problems: Problem[] = [];
  const seen = new Map<string, number>();
  const scan = scanToml(text);
  for (const { line, what } of scan.problems) {
    problems.push({ severity: "error", where: `${file}:${line}`, what });
  }
  for (const { path, line, value } of scan.entries) {
    const where = `${file}:${line}`;
    const name = path.join(".");
    const before = seen.get(name);
    if (before !== undefined) {
      problems.push({ severity: "error", where, what: `"${name}" is set twice, first on line ${before}` });
      continue;
    }
    seen.set(name, line);
    let parsed: unknown;
    try {
      // One value at a time: the library stops at the first fault of a document and counts lines from its own pieces.
      parsed = parse(`value = ${value}\n`).value;
    } catch (e) {
      problems.push({
        severity: "error",
        where,
        what: `"${name}" has a value that is not TOML: ${reason(e)}`,
      });
      continue;
    }
    const [section = "", key, ...rest] = path;
    if (key === undefined && isTable(parsed)) {
      // `proxy = { debug = true }` is the same as a section.
      for (const [inner, v] of Object.entries(parsed)) {
        entries.push({ section, key: inner, raw: { from: "toml", value: v }, where });
      }
    } else if (key === undefined) {
      entries.push({ section: "", key: section, raw: { from: "toml", value: parsed }, where });
    } else {
      entries.push({ section, key: [key, ...rest].join("."), raw: { from: "toml", value: parsed }, where });
    }
  }
  return { entries, problems };
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function reason(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.replace(/Parse error on line \d+, column \d+: /g, "").replace(/\s+/g, " ").replaceAll(
    `value = `,
    "",
  )
    .trim() + `: quote text, as in "text"`;
}

/**
 * The original's INI (spec 8.1): `[section]`, `key=value`, comment lines beginning `#` or `;`. A key that is given
 * twice has its last value, as there.
 */
export function readIni(text: string, file: string): FileContent {
  const entries = new Map<string, Entry>();
  const problems: Problem[] = [];
  let section = "";
  for (const [index, raw] of text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/).entries()) {
    const where = `${file}:${index + 1}`;
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    if (line.startsWith("[")) {
      const name = /^\[\s*([^\[\]]*?)\s*\]$/.exec(line)?.[1];
      if (name === undefined) {
        problems.push({ severity: "error", where, what: `"${line}" is not a section: write [name]` });
      } else {
        section = name;
      }
      continue;
    }
    const equals = line.indexOf("=");
    const key = line.slice(0, Math.max(equals, 0)).trim();
    if (key === "") {
      problems.push({ severity: "error", where, what: `"${line}" is not a setting: write key=value` });
      continue;
    }
    const value = line.slice(equals + 1).trim().replace(/^"(.*)"$/, "$1");
    entries.set(`${section}\0${key}`, { section, key, raw: { from: "text", text: value }, where });
  }
  return { entries: [...entries.values()], problems };
}
