/** The text of a routes file → routes and problems (spec 7). One bad line costs that line only. */
import { PushpinError } from "../errors.ts";
import { CONDITION_PROPERTIES, type ConditionOptions, parseCondition } from "./condition.ts";
import type { Route, RouteCondition } from "./route.ts";
import { Properties } from "./section.ts";
import { parseTarget, TARGET_PROPERTIES, type TargetOptions } from "./target.ts";
import { bad, type Section, tokenize } from "./tokenize.ts";

/** Something to say about a line. */
export interface RouteProblem {
  /** From 1. */
  readonly line: number;
  /** What is wrong and what would do; worded to stand behind `routes:3: `. */
  readonly what: string;
  /** True where the line is used all the same. */
  readonly kept: boolean;
}

export interface ParseRoutesOptions extends ConditionOptions, TargetOptions {
  /** The file's name in `Route.where`: `routes` gives `routes:3`. */
  readonly file: string;
}

export interface ParsedRoutes {
  readonly routes: readonly Route[];
  /** In the order of the lines. */
  readonly problems: readonly RouteProblem[];
}

/** Reads a whole routes file. Never throws for what the text says; an unreadable certificate is a problem of its line. */
export function parseRoutes(text: string, options: ParseRoutesOptions): ParsedRoutes {
  const routes: Route[] = [];
  const problems: RouteProblem[] = [];
  const lineOfKey = new Map<string, number>();
  const lineOfId = new Map<string, number>();
  const lines = text.replace(/^\ufeff/, "").split("\n");
  for (const [index, raw] of lines.entries()) {
    const line = index + 1;
    const notes: string[] = [];
    try {
      const route = parseLine(raw, `${options.file}:${line}`, (what) => notes.push(what), options);
      if (route === undefined) continue;
      const key = conditionKey(route.condition);
      const earlier = key === undefined ? undefined : lineOfKey.get(key);
      if (earlier !== undefined) {
        throw bad(
          `no request can reach this line: line ${earlier} has the same host, proto, ssl and path_beg`,
        );
      }
      if (key !== undefined) lineOfKey.set(key, line);
      if (route.id !== undefined) {
        const first = lineOfId.get(route.id);
        if (first === undefined) lineOfId.set(route.id, line);
        else notes.push(`line ${first} has the id "${route.id}" too: no line can be found by it`);
      }
      for (const what of notes) problems.push({ line, what, kept: true });
      routes.push(route);
    } catch (e) {
      if (!(e instanceof PushpinError) || e.code !== "PUSHPIN_ROUTE_INVALID") throw e;
      problems.push({ line, what: e.message, kept: false });
    }
  }
  return { routes, problems };
}

/** `routes:3: line skipped: …` or `routes:3: …`; one line, whatever the file holds. */
export function describeProblem(file: string, problem: RouteProblem): string {
  // deno-lint-ignore no-control-regex
  const what = problem.what.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (c) => {
    return c === "\t" ? "\\t" : `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  const text = what.length > MAX_PROBLEM_CHARS ? `${what.slice(0, MAX_PROBLEM_CHARS)}…` : what;
  return `${file}:${problem.line}: ${problem.kept ? "" : "line skipped: "}${text}`;
}

/** A line of a binary file may be long; a log line should not be. */
const MAX_PROBLEM_CHARS = 400;

function parseLine(
  raw: string,
  where: string,
  note: (what: string) => void,
  options: ParseRoutesOptions,
): Route | undefined {
  const line = raw.replace(/^[\t ]+/, "").replace(/[\t\r ]+$/, "");
  const [left, ...right] = tokenize(line);
  if (left === undefined) return undefined;
  if (right.length === 0) {
    throw bad(
      line.includes("\t")
        ? "a line needs a condition and at least one target: a tab does not separate them, a space does"
        : 'a line needs a condition and at least one target, as in "* localhost:8000"',
    );
  }
  noteNames(left, right, note);
  const condition = parseCondition(left, note, options);
  const [first, ...others] = right.map((section) => parseTarget(section, note, options));
  if (first === undefined) throw bad("a line needs at least one target");
  return { ...condition, where, targets: [first, ...others] };
}

function noteNames(left: Section, right: readonly Section[], note: (what: string) => void): void {
  new Properties(left).noteUnknown("condition", CONDITION_PROPERTIES, TARGET_PROPERTIES, note);
  for (const section of right) {
    new Properties(section).noteUnknown("target", TARGET_PROPERTIES, CONDITION_PROPERTIES, note);
  }
  if (left.hashInside || right.some((section) => section.hashInside)) {
    note('a "#" inside a word is part of the word: put a space before a comment, or quotes around the word');
  }
}

/** What makes two lines the same to a request; undefined for one that is found by id only. */
function conditionKey(condition: RouteCondition): string | undefined {
  if (condition.host === undefined) return undefined;
  const { host, proto = "", ssl = "", pathBeg = "" } = condition;
  return JSON.stringify([host, proto, ssl, pathBeg]);
}
