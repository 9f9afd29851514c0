import { assertEquals, assertThrows } from "@std/assert";
import { type Served, StandingServer } from "../../../../src/server/edge/standing_server.ts";
import { recordLog } from "../../../helpers/log_recorder.ts";
import { eventually } from "../../../helpers/wait.ts";

/** Servers that end when the test says so. */
class Runtime {
  readonly opened: { readonly before: Deno.Addr | undefined; readonly end: (thrown?: unknown) => void }[] =
    [];
  refuse = 0;

  readonly open = (signal: AbortSignal, before: Deno.Addr | undefined): Served => {
    if (this.refuse > 0) {
      this.refuse--;
      throw new Error("Too many open files (os error 24)");
    }
    const finished = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => finished.resolve());
    this.opened.push({
      before,
      end: (thrown) => thrown === undefined ? finished.resolve() : finished.reject(thrown),
    });
    return {
      addr: before ?? { transport: "tcp", hostname: "127.0.0.1", port: 4000 },
      finished: finished.promise,
      shutdown: () => Promise.resolve(finished.resolve()),
    };
  };
}

function stand() {
  const runtime = new Runtime();
  const log = recordLog();
  return { runtime, log, server: new StandingServer({ open: runtime.open, log, where: "here:4000" }) };
}

Deno.test("StandingServer listens again on the same address when the runtime gives its listener up", async () => {
  const { runtime, log, server } = stand();
  await using _server = server;
  runtime.opened[0]!.end(new Error("Too many open files (os error 24)"));
  await eventually(() => runtime.opened.length === 2);
  assertEquals(runtime.opened[1]!.before, { transport: "tcp", hostname: "127.0.0.1", port: 4000 });
  assertEquals(log.lines.filter(({ level }) => level === "error").length, 1);
});

Deno.test("StandingServer tries on while it cannot listen, and says so once", async () => {
  const { runtime, log, server } = stand();
  await using _server = server;
  runtime.refuse = 2;
  runtime.opened[0]!.end(new Error("Too many open files (os error 24)"));
  await eventually(() => runtime.opened.length === 2);
  assertEquals([runtime.refuse, log.lines.filter(({ level }) => level === "error").length], [0, 1]);
});

Deno.test("StandingServer ends when told to, also while it has no listener", async () => {
  for (const how of ["shutdown", "abort"] as const) {
    const { server } = stand();
    await server[how]();
    await server.finished;
    const { runtime, server: broken } = stand();
    runtime.refuse = 100;
    runtime.opened[0]!.end(new Error("gone"));
    await eventually(() => runtime.refuse < 100);
    await broken[how]();
    await broken.finished;
  }
});

Deno.test("StandingServer throws what the first listen throws", () => {
  const runtime = new Runtime();
  runtime.refuse = 1;
  const { log } = stand();
  assertThrows(
    () => new StandingServer({ open: runtime.open, log, where: "here" }),
    Error,
    "Too many open files",
  );
});
