import { assertEquals } from "@std/assert";
import { untilStopped } from "../../../../src/server/runner/lifetime.ts";
import type { SignalSource } from "../../../../src/server/runner/signals.ts";
import { recordLog } from "../../../helpers/log_recorder.ts";
import { within } from "../../../helpers/wait.ts";

/** Signals that the test sends. */
class Signals implements SignalSource {
  readonly #takers = new Map<Deno.Signal, () => void>();

  listen(name: Deno.Signal, take: () => void): () => void {
    this.#takers.set(name, take);
    return () => this.#takers.delete(name);
  }

  send(name: Deno.Signal): void {
    this.#takers.get(name)?.();
  }

  get listening(): readonly Deno.Signal[] {
    return [...this.#takers.keys()].sort();
  }
}

function live(interruptible: boolean) {
  const signals = new Signals();
  const drained = Promise.withResolvers<void>();
  const log = recordLog();
  const reloads: string[] = [];
  let drains = 0;
  const code = untilStopped({
    log,
    interruptible,
    orphaned: new Promise(() => {}),
    drain: () => {
      drains++;
      return drained.promise;
    },
    reload: async () => {
      reloads.push("begun");
      await Promise.resolve();
      reloads.push("done");
    },
    signals,
  });
  return { signals, drained, log, reloads, code, drains: () => drains };
}

Deno.test("untilStopped() drains on the first signal and ends with 0", async () => {
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    const { signals, drained, code, drains } = live(true);
    signals.send(name);
    assertEquals(drains(), 1);
    drained.resolve();
    assertEquals(await within(code, "the end"), 0);
    assertEquals(signals.listening, []);
  }
});

Deno.test("untilStopped() is cut by a second signal", async () => {
  const { signals, code } = live(true);
  signals.send("SIGTERM");
  signals.send("SIGINT");
  assertEquals(await within(code, "the end"), 130);
});

Deno.test("untilStopped() of a runner's child drains on, whatever a terminal or a service manager sends besides", async () => {
  // Ctrl-C reaches the whole group, and the runner's SIGTERM comes on top: once, every drain was cut by that.
  const { signals, drained, code, drains } = live(false);
  signals.send("SIGINT");
  assertEquals(drains(), 0);
  signals.send("SIGTERM");
  signals.send("SIGTERM");
  signals.send("SIGINT");
  assertEquals(drains(), 1);
  drained.resolve();
  assertEquals(await within(code, "the end"), 0);
});

Deno.test("untilStopped() reloads one at a time, and a drain that fails ends with 1", async () => {
  const { signals, drained, code, reloads, log } = live(true);
  signals.send("SIGHUP");
  signals.send("SIGHUP");
  signals.send("SIGTERM");
  signals.send("SIGHUP");
  drained.reject(new Error("no"));
  assertEquals(await within(code, "the end"), 1);
  assertEquals(reloads, ["begun", "done", "begun", "done"]);
  assertEquals(log.find("error", /cannot drain/)?.fields.reason, "no");
});
