/** V8's own switch, unknown to the type library. */
const settings = Error as ErrorConstructor & { stackTraceLimit?: number };

/** For fuzz loops: most of an expected error's cost is the stack that nobody reads. */
export function withoutStacks(): Disposable {
  const before = settings.stackTraceLimit ?? 10;
  settings.stackTraceLimit = 0;
  return { [Symbol.dispose]: () => void (settings.stackTraceLimit = before) };
}
