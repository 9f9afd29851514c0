/** One child process from its start to its end, as events; whether it is started again is the supervisor's business. */
import { type ChildNote, type ChildSlot, formatSlot, parseNote, SLOT_VARIABLE } from "./child_protocol.ts";

/** The words that start a role: executable, then arguments. */
export type ChildCommand = (slot: ChildSlot) => readonly [string, ...string[]];

export interface ChildEvents {
  onNote(note: ChildNote): void;
  /** A line of its log. */
  onLine(line: string): void;
  /** A line on standard error that is no note: the runtime's own words, a panic. */
  onStray(line: string): void;
  /** After its last line. */
  onExit(status: Deno.CommandStatus): void;
}

/** Longer lines are cut: one that never ends must not take the runner's memory. */
const MAX_LINE = 256 * 1024;

export class ChildProcess {
  readonly #child: Deno.ChildProcess;

  /** @throws where the executable cannot be started. */
  constructor(command: readonly [string, ...string[]], slot: ChildSlot, events: ChildEvents) {
    const [executable, ...args] = command;
    this.#child = new Deno.Command(executable, {
      args: [...args],
      env: { [SLOT_VARIABLE]: formatSlot(slot) },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reading = [
      readLines(this.#child.stdout, (line) => events.onLine(line)),
      readLines(this.#child.stderr, (line) => {
        const note = parseNote(line);
        if (note !== undefined) events.onNote(note);
        else if (line !== "") events.onStray(line);
      }),
    ];
    void this.#child.status.then(async (status) => {
      // A grandchild may hold the pipes open after the child's end; the exit does not wait for that long.
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, 200));
      await Promise.race([Promise.all(reading), late]);
      clearTimeout(timer);
      await this.#child.stdin.close().catch(() => {/* its reader is gone, as expected */});
      events.onExit(status);
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Does nothing to a child that has ended. */
  signal(name: Deno.Signal): void {
    try {
      this.#child.kill(name);
    } catch (error) {
      // Ended already: its exit is on the way to the supervisor.
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  let rest = "";
  const text = new TextDecoder();
  try {
    for await (const chunk of stream) {
      const lines = (rest + text.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(line);
      if (rest.length > MAX_LINE) {
        take(rest);
        rest = "";
      }
    }
  } catch {
    // The pipe broke with the child; its exit status is what matters.
  }
  if (rest !== "") take(rest);
}
