/** Imports go one way through the house, and never in a circle. */
import { assertEquals } from "@std/assert";
import { levelOf, roomOf } from "./rooms.ts";
import { findCycle, importGraph, programFiles } from "./source_tree.ts";

/** The imports that go up or sideways, as sentences. */
function upwardImports(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const wrong: string[] = [];
  for (const [from, targets] of graph) {
    const room = roomOf(from);
    if (room === undefined) continue;
    for (const to of targets) {
      const other = roomOf(to);
      if (other === undefined || other === room) continue;
      if (levelOf(other) <= levelOf(room)) wrong.push(`${from} (${room}) imports ${to} (${other})`);
    }
  }
  return wrong;
}

Deno.test("every source file stands in a room of the plan", async () => {
  assertEquals((await programFiles()).filter((path) => roomOf(path) === undefined), []);
});

Deno.test("no module imports a room to its left", async () => {
  assertEquals(upwardImports(await importGraph(await programFiles(), "code and types")), []);
});

Deno.test("no modules import each other in a circle", async () => {
  assertEquals(findCycle(await importGraph(await programFiles(), "code")), undefined);
});

Deno.test("upwardImports() finds an upward import and a sideways one", () => {
  const graph = new Map([
    ["src/grip/a.ts", ["src/routes/b.ts", "src/errors.ts"]],
    ["src/server/edge/a.ts", ["src/server/origin/b.ts", "src/server/edge/c.ts"]],
  ]);
  assertEquals(upwardImports(graph), [
    "src/grip/a.ts (grip) imports src/routes/b.ts (routes)",
    "src/server/edge/a.ts (edge) imports src/server/origin/b.ts (origin)",
  ]);
});

Deno.test("findCycle() gives the files on the circle", () => {
  const graph = new Map([["a", ["b"]], ["b", ["c", "d"]], ["c", []], ["d", ["b"]]]);
  assertEquals(findCycle(graph), ["b", "d", "b"]);
});
