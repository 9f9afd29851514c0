/** Ports that nobody uses: for programs that must be told theirs before they start. */

/** A TCP port of 127.0.0.1 that was free a moment ago. Prefer port 0 wherever the listener can say what it got. */
export function freePort(): number {
  return freePorts(1)[0]!;
}

/** Several different ones; they are held until all are found. */
export function freePorts(count: number): readonly number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  try {
    return listeners.map((listener) => (listener.addr as Deno.NetAddr).port);
  } finally {
    for (const listener of listeners) listener.close();
  }
}
