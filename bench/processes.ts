/** Programs under measurement: each a session of its own, so that whatever it starts is counted and ended with it. */
import { decodeText } from "./text.ts";

/** Clock ticks a second in /proc/PID/stat; Linux has said 100 to programs since ever. */
const TICKS_PER_SECOND = 100;
const STOP_AFTER_MS = 5_000;

/** One program and its descendants. */
export interface ProcessGroup extends AsyncDisposable {
  readonly pid: number;
  /** Settles with the exit code of the first process. */
  readonly exited: Promise<number>;
  /** Resident bytes of all processes of the group, summed (shared pages count in each). */
  residentBytes(): number;
  /** CPU seconds, user and system, of the processes that live; granularity 10 ms. */
  cpuSeconds(): number;
  /** How many processes there are. */
  size(): number;
}

export interface SpawnOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard output and error go here. */
  readonly logFile: string;
}

const running = new Set<number>();

/** Starts a program in a session of its own. */
export function startGroup(command: readonly string[], options: SpawnOptions): ProcessGroup {
  const child = new Deno.Command("setsid", {
    // A shell only to send the output to the file; exec leaves one process.
    args: ["sh", "-c", 'log="$1"; shift; exec "$@" >"$log" 2>&1', "sh", options.logFile, ...command],
    cwd: options.cwd,
    env: { ...options.env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const { pid } = child;
  running.add(pid);
  const exited = child.status.then((status) => status.code);
  return {
    pid,
    exited,
    residentBytes: () => sum(membersOf(pid), residentBytesOf),
    cpuSeconds: () => sum(membersOf(pid), cpuSecondsOf),
    size: () => membersOf(pid).length,
    async [Symbol.asyncDispose]() {
      signalGroup(pid, "SIGTERM");
      const gone = async () => {
        await exited;
        while (membersOf(pid).length > 0) await pause(20);
        return true;
      };
      if (!await Promise.race([gone(), pause(STOP_AFTER_MS).then(() => false)])) {
        signalGroup(pid, "SIGKILL");
        await gone();
      }
      running.delete(pid);
    },
  };
}

/** For the end of the harness itself: nothing that it started may outlive it. */
export function killAllGroups(): void {
  for (const pid of running) signalGroup(pid, "SIGKILL");
}

/** CPU seconds of one process. */
export function cpuSecondsOf(pid: number): number {
  const fields = statFields(pid);
  return fields === undefined ? 0 : (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function residentBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readProc(`/proc/${pid}/status`) ?? "")?.[1] ?? 0) * 1024;
}

/** Waits; the harness measures by the clock and may. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks until it is so. @throws {Error} naming what did not come. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  { deadlineMs = 15_000, everyMs = 25 } = {},
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!await isSo()) {
    if (performance.now() > end) {
      throw new Error(`Cannot wait any longer for ${what}: ${deadlineMs} ms are over`);
    }
    await pause(everyMs);
  }
}

/** Runs to its end. */
export async function runToEnd(
  command: readonly [string, ...string[]],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const [program, ...args] = command;
  const output = await new Deno.Command(program, { args, stdin: "null", ...options }).output();
  return { code: output.code, stdout: decodeText(output.stdout), stderr: decodeText(output.stderr) };
}

function signalGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  // By member, not by group: a program may give its children groups of their own, but not another session unseen.
  for (const member of membersOf(pid)) {
    try {
      Deno.kill(member, signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** The living processes of the session. */
function membersOf(session: number): readonly number[] {
  const members = [];
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    const fields = statFields(Number(entry.name));
    if (fields !== undefined && Number(fields[3]) === session && fields[0] !== "Z") {
      members.push(Number(entry.name));
    }
  }
  return members;
}

/** The fields behind the name: state, parent, group, session … (proc(5)). */
function statFields(pid: number): readonly string[] | undefined {
  const text = readProc(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

function readProc(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // Gone between the listing and the reading: as good as never there.
    return undefined;
  }
}

function sum(pids: readonly number[], of: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + of(pid), 0);
}
