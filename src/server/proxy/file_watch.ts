/**
 * Says when a file may be another one than before.
 *
 * A file is watched through its directory, because atomic replacement, editors and Kubernetes' symlink swaps all put
 * another file in its place. A look at the file's times every second finds what no event told (network file systems,
 * a directory that was made anew); it costs one stat, which is less than knowing where it could be left out.
 */
import { basename, dirname } from "node:path";
import { describeError } from "../../errors.ts";

/** A change is told when nothing has happened for this long, so that a file half written is not read. */
const QUIET_MS = 150;
/** But at the latest this long after its first event. */
const MAX_DELAY_MS = 600;
const POLL_MS = 1000;

export interface FileWatchOptions {
  /** Absolute. There need be no such file. */
  readonly path: string;
  /** The file may have changed. Calls do not overlap; a rejection is a fault of the program. */
  readonly onChange: () => Promise<void>;
  /** The operating system's events cannot be had: from now on only polling. */
  readonly onBlind: (reason: string) => void;
  /** False does without events. */
  readonly events: boolean;
}

/** Watches from its making to its disposal. */
export class FileWatch implements AsyncDisposable {
  readonly #options: FileWatchOptions;
  #watcher: Deno.FsWatcher | undefined;
  #following: Promise<void> = Promise.resolve();
  #dirs: readonly string[] = [];
  #names: ReadonlySet<string> = new Set();
  #saidBlind = false;
  #quietTimer: Timer | undefined;
  #pollTimer: Timer | undefined;
  #firstEventAt: number | undefined;
  /** True where an event named the file: it counts as changed even if its times are the same. */
  #named = false;
  #seen = "";
  /** One look after the other. */
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#open();
    this.#schedulePoll();
    // What happened between the owner's last reading and now had no event.
    this.#changed(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#quietTimer);
    clearTimeout(this.#pollTimer);
    this.#close();
    await this.#looking;
    await this.#following;
  }

  #open(): void {
    if (!this.#options.events || this.#closed) return;
    try {
      const { dirs, names } = this.#places();
      this.#dirs = dirs;
      this.#names = names;
      const watcher = Deno.watchFs([...dirs], { recursive: false });
      this.#watcher = watcher;
      this.#following = this.#follow(watcher);
      this.#saidBlind = false;
    } catch (e) {
      this.#blind(e);
    }
  }

  async #follow(watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const event of watcher) {
        if (event.kind === "access") continue; // our own reading among them
        // A watch does not outlive its directory, whatever comes in its place.
        if (event.kind === "remove" && event.paths.some((path) => this.#dirs.includes(path))) break;
        // A neighbour in a busy directory (a log, say) costs a look at the file's times, not a reading.
        this.#changed(event.paths.some((path) => this.#names.has(basename(path))));
      }
    } catch (e) {
      this.#blind(e);
    }
    if (this.#watcher === watcher) this.#close();
  }

  #blind(e: unknown): void {
    if (!this.#saidBlind) this.#options.onBlind(describeError(e));
    this.#saidBlind = true;
  }

  #close(): void {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    try {
      watcher?.close();
    } catch (e) {
      // Its own iteration has already closed it.
      if (!(e instanceof Deno.errors.BadResource)) throw e;
    }
  }

  /** The file's directory, and that of the file behind a symlink; and the names that the file has there. */
  #places(): { readonly dirs: readonly string[]; readonly names: ReadonlySet<string> } {
    const paths = [this.#options.path];
    try {
      paths.push(Deno.realPathSync(this.#options.path));
    } catch {
      // There is no file now; its directory is watched all the same.
    }
    return {
      dirs: [...new Set(paths.map((p) => dirname(p)))],
      names: new Set(paths.map((p) => basename(p))),
    };
  }

  /** The directory of a symlink's file may be another one now, and a directory made anew needs a new watch. */
  async #renew(): Promise<void> {
    if (this.#closed || !this.#options.events) return;
    if (this.#watcher !== undefined && sameStrings(this.#places().dirs, this.#dirs)) return;
    const old = this.#following;
    this.#close();
    await old;
    this.#open();
  }

  #schedulePoll(): void {
    this.#pollTimer = setTimeout(() => {
      this.#looking = this.#looking.then(async () => {
        if (await this.#fingerprint() !== this.#seen) this.#changed(true);
        await this.#renew();
        if (!this.#closed) this.#schedulePoll();
      });
    }, POLL_MS);
  }

  #changed(named: boolean): void {
    if (this.#closed) return;
    this.#named ||= named;
    const now = performance.now();
    this.#firstEventAt ??= now;
    clearTimeout(this.#quietTimer);
    const delayMs = Math.max(0, Math.min(QUIET_MS, this.#firstEventAt + MAX_DELAY_MS - now));
    this.#quietTimer = setTimeout(() => {
      this.#firstEventAt = undefined;
      this.#looking = this.#looking.then(() => this.#look());
    }, delayMs);
  }

  async #look(): Promise<void> {
    if (this.#closed) return;
    const seen = await this.#fingerprint();
    const tell = this.#named || seen !== this.#seen;
    this.#named = false;
    this.#seen = seen;
    if (!tell) return;
    await this.#options.onChange();
    await this.#renew();
  }

  /** Another one where another file is in its place, or its size or time is another. */
  async #fingerprint(): Promise<string> {
    try {
      const { dev, ino, size, mtime } = await Deno.stat(this.#options.path);
      return `${dev} ${ino} ${size} ${mtime?.getTime()}`;
    } catch (e) {
      return describeError(e);
    }
  }
}

function sameStrings(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

type Timer = ReturnType<typeof setTimeout>;
