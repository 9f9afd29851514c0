/** The child's side of the runner: shows that it lives, says when it is ready, and dies with the runner. */
import { describeError } from "../../errors.ts";
import {
  type ChildNote,
  type ChildSlot,
  EXIT_CANNOT_START,
  formatNote,
  parseSlot,
  SLOT_VARIABLE,
} from "./child_protocol.ts";

export interface ChildGuard extends Disposable {
  readonly slot: ChildSlot;
  /** Every listener answers. Later calls do nothing. */
  ready(): void;
  /** Tells the runner why this child cannot start. @returns the code to exit with. */
  cannotStart(thrown: unknown): number;
}

/**
 * Takes up the duties of a runner's child: heartbeats, and `onOrphaned` once when the runner is gone, even by kill -9.
 * A terminal's SIGINT, which reaches the whole group, is left to the runner. Undefined where no runner started us.
 */
export function guardChild(onOrphaned: () => void): ChildGuard | undefined {
  const slot = parseSlot(Deno.env.get(SLOT_VARIABLE));
  if (slot === undefined) return undefined;
  // What this process starts in its turn is not the runner's child.
  Deno.env.delete(SLOT_VARIABLE);
  const ignore = () => {};
  Deno.addSignalListener("SIGINT", ignore);
  // One that comes before the program listens would end it.
  Deno.addSignalListener("SIGHUP", ignore);
  const beat = setInterval(() => say({ type: "beat" }), slot.beatMs);
  say({ type: "beat" });
  let watching = true;
  void runnerGone().then(() => {
    if (watching) onOrphaned();
  });
  let told = false;
  return {
    slot,
    ready() {
      if (!told) say({ type: "ready" });
      told = true;
    },
    cannotStart(thrown) {
      say({ type: "fatal", message: describeError(thrown) });
      return EXIT_CANNOT_START;
    },
    [Symbol.dispose]() {
      watching = false;
      clearInterval(beat);
      Deno.removeSignalListener("SIGINT", ignore);
      Deno.removeSignalListener("SIGHUP", ignore);
    },
  };
}

/** Lines are shorter than a pipe's atomic write; hours of them fit its buffer should the runner not read. */
function say(note: ChildNote): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(formatNote(note)));
  } catch {
    // The runner is gone, with the place where that could be said; standard input's end tells us the same.
  }
}

async function runnerGone(): Promise<void> {
  const buffer = new Uint8Array(64);
  try {
    while (await Deno.stdin.read(buffer) !== null);
  } catch {
    // A broken pipe is an end as well.
  }
}
