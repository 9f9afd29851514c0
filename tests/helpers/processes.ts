/** Processes as the kernel knows them (Linux): who lives, whose child, how many descriptors, how much memory. */

/** Its state letter ("R", "S", "T", "Z" …); undefined where there is no such process. */
export function processState(pid: number): string | undefined {
  return stat(pid)?.state;
}

/** Whether it runs: no zombie, not gone. */
export function isAlive(pid: number): boolean {
  const state = processState(pid);
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Direct children, zombies included. */
export function childrenOf(
  pid: number,
): readonly { readonly pid: number; readonly state: string; readonly args: string }[] {
  const found = [];
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    const child = Number(entry.name);
    const info = stat(child);
    if (info?.parent === pid) {
      found.push({ pid: child, state: info.state, args: read(`/proc/${child}/cmdline`) ?? "" });
    }
  }
  return found;
}

/** Open descriptors. */
export function descriptorCount(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** Resident memory, in bytes. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? "")?.[1] ?? 0) * 1024;
}

function stat(pid: number): { readonly state: string; readonly parent: number } | undefined {
  // The name is in parentheses and may hold anything, so the fields are counted behind the last one.
  const text = read(`/proc/${pid}/stat`);
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields === undefined ? undefined : { state: fields[0] ?? "", parent: Number(fields[1]) };
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).replaceAll("\0", " ");
  } catch {
    // Gone between the listing and the reading: as good as never there.
    return undefined;
  }
}
