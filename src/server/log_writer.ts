/**
 * Where log lines are made and written (spec 9.4). Lines gather while one event is handled and go out together behind
 * it. A file takes them synchronously; standard output is written one piece at a time without waiting, because
 * whoever reads it may stop reading, and that must not stop us: what does not fit its bound is dropped and counted.
 */
import type { LogLevels } from "../config_values.ts";
import { type Log, LOG_LEVELS, type LogFields, type LogLevel } from "../log.ts";
import { clean, formatJson, formatText } from "./log_format.ts";

export interface LogOptions {
  readonly levels: LogLevels;
  readonly format: "text" | "json";
  /** Absolute path, or nothing for standard output. */
  readonly file?: string;
  /** In place of standard output; tests give a list. May throw: the log is then silent, the program goes on. */
  readonly write?: (bytes: Uint8Array) => Promise<void>;
  readonly now?: () => Date;
}

/** One writer for a process; `log()` gives each room its own Log. */
export interface LogWriter extends Disposable {
  /** `service` chooses the level; `role`, as "proxy 1", is shown in the line where it is given. */
  log(service: string, role?: string): Log;
  /** Passes on a line that another process has made. */
  line(text: string): void;
  setLevels(levels: LogLevels): void;
  /** Opens the file again, after it was moved away. @throws where it cannot; the old file stays in use. */
  reopen(): void;
  /** Settles when everything so far is written or given up; at most about a second. */
  flush(): Promise<void>;
  /** Writes what waits and closes the file; standard output stays open. Log no more. */
  [Symbol.dispose](): void;
}

/** Bytes that wait for standard output at most. */
export const LOG_QUEUE_BYTES = 1_048_576;
const FLUSH_LIMIT_MS = 1000;

/** @throws where the file cannot be opened. */
export function createLogWriter(options: LogOptions): LogWriter {
  const now = options.now ?? (() => new Date());
  const sink = options.file === undefined
    ? new StreamSink(options.write ?? writeStdout, (lines) => {
      const message = "Standard output was not read in time: log lines are dropped";
      const event = { level: "warn", time: now(), message, service: "log", fields: { lines } } as const;
      return options.format === "json" ? formatJson(event) : formatText(event);
    })
    : new FileSink(options.file);
  const lines = new LineBuffer(sink);
  let levels = options.levels;
  return {
    log(service, role) {
      const enabled = (level: LogLevel): boolean =>
        LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(levels.services[service] ?? levels.base);
      const at = (level: LogLevel) => (message: string, fields?: LogFields): void => {
        if (!enabled(level)) return;
        const event = { level, time: now(), message, role, service, fields };
        lines.add(options.format === "json" ? formatJson(event) : formatText(event));
      };
      return {
        enabled,
        error: at("error"),
        warn: at("warn"),
        info: at("info"),
        debug: at("debug"),
        trace: at("trace"),
      };
    },
    line: (text) => lines.add(clean(text)),
    setLevels: (next) => void (levels = next),
    reopen: () => {
      lines.flushNow();
      sink.reopen();
    },
    flush: () => {
      lines.flushNow();
      return sink.drained();
    },
    [Symbol.dispose]: () => {
      lines.flushNow();
      sink.close();
    },
  };
}

interface Sink {
  /** Never throws. */
  write(text: string): void;
  reopen(): void;
  drained(): Promise<void>;
  close(): void;
}

/** Between two writes under load. A write a request cost a quarter of the proxy's requests a second. */
const GATHER_MS = 25;

/** Gathers lines: one that comes alone is written behind its event, those of a busy time together. */
class LineBuffer {
  readonly #sink: Sink;
  #text = "";
  #writtenMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  add(line: string): void {
    if (this.#text === "") this.#flushSoon();
    this.#text += `${line}\n`;
    if (this.#text.length > 65536) this.flushNow();
  }

  flushNow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    this.#writtenMs = performance.now();
    this.#sink.write(text);
  }

  #flushSoon(): void {
    if (performance.now() - this.#writtenMs >= GATHER_MS) queueMicrotask(() => this.flushNow());
    else this.#timer = setTimeout(() => this.flushNow(), GATHER_MS);
  }
}

const encoder = new TextEncoder();

class FileSink implements Sink {
  readonly #path: string;
  #file: Deno.FsFile;
  #failed = false;

  constructor(path: string) {
    this.#path = path;
    this.#file = open(path);
  }

  write(text: string): void {
    const bytes = encoder.encode(text);
    try {
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
      this.#failed = false;
    } catch (e) {
      // A full disk costs lines, not the program. Said once for each time it begins.
      if (!this.#failed) console.error(`Cannot write log file "${this.#path}": ${String(e)}`);
      this.#failed = true;
    }
  }

  reopen(): void {
    const next = open(this.#path);
    this.#file.close();
    this.#file = next;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#file.close();
  }
}

function open(path: string): Deno.FsFile {
  return Deno.openSync(path, { create: true, append: true });
}

class StreamSink implements Sink {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #wordDropped: (lines: number) => string;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #droppedLines = 0;
  #broken = false;
  #running: Promise<void> | undefined;

  constructor(write: (bytes: Uint8Array) => Promise<void>, wordDropped: (lines: number) => string) {
    this.#write = write;
    this.#wordDropped = wordDropped;
  }

  write(text: string): void {
    if (this.#broken) return;
    if (this.#waitingBytes + text.length > LOG_QUEUE_BYTES) {
      this.#droppedLines += text.split("\n").length - 1;
      return;
    }
    this.#waiting.push(text);
    this.#waitingBytes += text.length;
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const text = this.#waiting.join("");
        this.#waiting = [];
        this.#waitingBytes = 0;
        await this.#write(encoder.encode(text));
        if (this.#droppedLines > 0) {
          this.#waiting.push(`${this.#wordDropped(this.#droppedLines)}
`);
          this.#droppedLines = 0;
        }
      }
    } catch {
      // Whoever read standard output is gone, and with it the only place where this could be said.
      this.#broken = true;
    } finally {
      this.#running = undefined;
    }
  }

  reopen(): void {
    this.#broken = false;
  }

  close(): void {
    this.#broken = true;
  }

  async drained(): Promise<void> {
    if (this.#running === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((done) => timer = setTimeout(done, FLUSH_LIMIT_MS));
    await Promise.race([this.#running, late]);
    clearTimeout(timer);
  }
}

async function writeStdout(bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await Deno.stdout.write(bytes.subarray(done));
}
