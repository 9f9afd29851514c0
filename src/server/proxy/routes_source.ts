/**
 * Where the proxy's table of routes comes from: the routes file, read again when it changes, or `--route` lines.
 *
 * What decides is the text: a change of the file's times alone loads nothing. The table is swapped as a whole, and a
 * file that cannot be read leaves the table that is there (spec 7.5).
 */
import { basename, dirname, resolve } from "node:path";
import { describeError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { describeProblem, parseRoutes, type RouteProblem } from "../../routes/parse.ts";
import { RouteTable } from "../../routes/table.ts";
import { FileWatch } from "./file_watch.ts";

/** Larger files are refused: at about 100 bytes a line this is 160 000 routes. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** Problems logged for one loading; the rest is counted. */
const MAX_LOGGED_PROBLEMS = 50;

export interface RoutesSourceOptions {
  /** Path of the routes file; relative ones count from the working directory. */
  readonly file: string;
  /** `--route` lines: they replace the file, which is then neither read nor watched. */
  readonly lines?: readonly string[];
  /** Lines to begin with where there is no file yet, as `* localhost:80`; absent means no routes and a warning. */
  readonly fallback?: readonly string[];
  /** Whether the process leaves certificates of this host unchecked; see `parseRoutes`. */
  readonly allowInsecure?: (hostname: string) => boolean;
  readonly log: Log;
  /** False does without the operating system's events, as where they cannot be had: changes are found by polling. */
  readonly events?: boolean;
}

export class RoutesSource implements AsyncDisposable {
  readonly #options: RoutesSourceOptions;
  readonly #path: string;
  readonly #name: string;
  #table = new RouteTable([]);
  #problems: readonly RouteProblem[] = [];
  /** The text that the table is made of; undefined before the file was read. */
  #text: string | undefined;
  /** Why the file could not be read the last time; each reason is logged once. */
  #unreadable: string | undefined;
  /** One reading after the other: the last one started is the last one to swap. */
  #reading: Promise<void> = Promise.resolve();
  #watch: FileWatch | undefined;
  #closed = false;

  constructor(options: RoutesSourceOptions) {
    this.#options = options;
    this.#path = resolve(options.file);
    this.#name = options.lines === undefined ? basename(options.file) : "--route";
  }

  /** The table of now. A request keeps the route it found, whatever is loaded later. */
  get table(): RouteTable {
    return this.#table;
  }

  /** What was to be said about the text that the table is made of. */
  get problems(): readonly RouteProblem[] {
    return this.#problems;
  }

  /** Reads the file or the lines for the first time. Never rejects: what is wrong is logged. */
  async load(): Promise<void> {
    const { lines } = this.#options;
    if (lines === undefined) return await this.#read("first");
    this.#install(lines.join("\n"), Deno.cwd());
  }

  /** Reads the file again whatever its times say (SIGHUP). False where it cannot be read. Never rejects. */
  async reload(): Promise<boolean> {
    if (this.#options.lines !== undefined || this.#closed) return true;
    this.#options.log.info("reloading routes", { file: this.#path });
    await this.#read("again");
    return this.#unreadable === undefined;
  }

  /** Loads the file whenever it changes, until disposal. Does nothing for `--route` lines. */
  watch(): void {
    if (this.#options.lines !== undefined || this.#closed || this.#watch !== undefined) return;
    this.#watch = new FileWatch({
      path: this.#path,
      events: this.#options.events ?? true,
      onChange: () => this.#read("changed"),
      onBlind: (reason) => {
        this.#options.log.warn("cannot watch the routes file, looking at it every second", {
          file: this.#path,
          reason,
        });
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#watch?.[Symbol.asyncDispose]();
    await this.#reading;
  }

  #read(why: "first" | "again" | "changed"): Promise<void> {
    this.#reading = this.#reading.then(() => this.#readNow(why));
    return this.#reading;
  }

  async #readNow(why: "first" | "again" | "changed"): Promise<void> {
    let text: string;
    try {
      text = await readRegularFile(this.#path);
    } catch (e) {
      this.#noFile(e, why);
      return;
    }
    const wasUnreadable = this.#unreadable !== undefined;
    this.#unreadable = undefined;
    if (why === "changed" && text === this.#text) {
      if (wasUnreadable) {
        this.#options.log.info("routes file can be read again, nothing has changed", { file: this.#path });
      }
      return;
    }
    if (why === "changed") this.#options.log.info("routes file changed, reloading", { file: this.#path });
    this.#text = text;
    this.#install(text, dirname(this.#path));
  }

  #noFile(e: unknown, why: "first" | "again" | "changed"): void {
    const { log, fallback } = this.#options;
    const reason = describeError(e);
    const known = reason === this.#unreadable;
    this.#unreadable = reason;
    if (why === "first" && fallback !== undefined && e instanceof Deno.errors.NotFound) {
      log.info("no routes file, beginning with the default route", {
        file: this.#path,
        route: fallback.join(" | "),
      });
      this.#install(fallback.join("\n"), Deno.cwd());
    } else if (why !== "changed" || !known) {
      const { length } = this.#table.routes;
      log.warn(`Cannot read routes file "${this.#path}": ${reason}: the ${length} routes of before stay`);
    }
  }

  #install(text: string, keyDir: string): void {
    const { log, allowInsecure } = this.#options;
    const { routes, problems } = parseRoutes(text, {
      file: this.#name,
      readFile: (path) => Deno.readTextFileSync(path),
      resolveKeyPath: (path) => resolve(keyDir, path),
      ...(allowInsecure && { allowInsecure }),
    });
    this.#table = new RouteTable(routes);
    this.#problems = problems;
    for (const problem of problems.slice(0, MAX_LOGGED_PROBLEMS)) {
      log.warn(describeProblem(this.#name, problem));
    }
    if (problems.length > MAX_LOGGED_PROBLEMS) {
      log.warn("more problems in the routes file", { not_shown: problems.length - MAX_LOGGED_PROBLEMS });
    }
    log.info(`routes loaded with ${routes.length} entries`);
  }
}

/** @throws where it is no regular file (a pipe would never end) or a very large one. */
async function readRegularFile(path: string): Promise<string> {
  const { isFile, size } = await Deno.stat(path);
  if (!isFile) throw new Error("it is not a regular file");
  if (size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
  return await Deno.readTextFile(path);
}
