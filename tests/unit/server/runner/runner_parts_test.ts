import { assertEquals } from "@std/assert";
import { childArguments } from "../../../../src/server/runner/child_arguments.ts";
import {
  type ChildNote,
  type ChildSlot,
  formatNote,
  formatSlot,
  parseNote,
  parseSlot,
} from "../../../../src/server/runner/child_protocol.ts";
import { restartDelayMs, workerCount } from "../../../../src/server/runner/restart_policy.ts";

Deno.test("restartDelayMs() is nothing at first, then doubles up to ten seconds", () => {
  assertEquals([1, 2, 3, 4, 5, 6, 7, 8, 9, 50].map((n) => restartDelayMs(n)), [
    0,
    250,
    500,
    1000,
    2000,
    4000,
    8000,
    10_000,
    10_000,
    10_000,
  ]);
});

Deno.test("workerCount() is one a core, at most eight, as many as told, and one where ports cannot be shared", () => {
  assertEquals(workerCount(0, 2, "linux"), 2);
  assertEquals(workerCount(0, 64, "linux"), 8);
  assertEquals(workerCount(12, 2, "linux"), 12);
  assertEquals(workerCount(4, 8, "darwin"), 1);
});

Deno.test("parseNote() reads what formatNote() writes, and takes nothing else for a note", () => {
  const notes: readonly ChildNote[] = [{ type: "beat" }, { type: "ready" }, {
    type: "fatal",
    message: "a\nü",
  }];
  for (const note of notes) {
    const line = formatNote(note);
    assertEquals(line.indexOf("\n"), line.length - 1);
    assertEquals(parseNote(line.slice(0, -1)), note);
  }
  for (const line of ["", "ready", "thread panicked at", "\u0001pushpin {", '\u0001pushpin {"type":"x"}']) {
    assertEquals(parseNote(line), undefined);
  }
});

Deno.test("parseSlot() reads what formatSlot() writes, and no slot where the variable is missing or odd", () => {
  const slot: ChildSlot = { role: "proxy", label: "proxy 2", index: 2, proxies: 4, beatMs: 500 };
  assertEquals(parseSlot(formatSlot(slot)), slot);
  for (const text of [undefined, "", "{", "[]", "null", '{"role":"runner"}']) {
    assertEquals(parseSlot(text), undefined);
  }
});

Deno.test("childArguments() passes on what the role knows, each value once, and never the log file", () => {
  const argv = [
    "-c",
    "a b.toml",
    "--port=1.2.3.4:80",
    "--route",
    "* test",
    "--route",
    "x y",
    "-v",
    "-l",
    "log",
    "-m",
  ];
  assertEquals(childArguments(argv, "proxy"), [
    "--port=1.2.3.4:80",
    "--route=* test",
    "--route=x y",
    "--config=a b.toml",
    "--verbose",
  ]);
  assertEquals(childArguments(argv, "handler"), ["--config=a b.toml", "--verbose"]);
  assertEquals(childArguments(["--single-process", "--id", "3"], "proxy"), ["--id=3"]);
});
