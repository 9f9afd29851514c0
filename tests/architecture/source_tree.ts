/** The repository's own files and who imports whom. */
import { ROOT } from "../helpers/program.ts";

/** Directories that are not source. */
const SKIPPED = new Set([".git", "node_modules", ".cache", "vendor", "coverage"]);

/** Paths from the root of every file whose name fits, sorted. */
export async function filesOf(name: RegExp, under = ""): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(ROOT + under)) {
    const path = under + entry.name;
    if (entry.isDirectory && !SKIPPED.has(entry.name)) found.push(...await filesOf(name, `${path}/`));
    else if (entry.isFile && name.test(entry.name)) found.push(path);
  }
  return found.sort();
}

/** Every TypeScript file of the program: main.ts and src/, whether or not anything imports it yet. */
export async function programFiles(): Promise<readonly string[]> {
  return ["main.ts", ...await filesOf(/\.ts$/, "src/")];
}

/** Runs this Deno and gives both outputs. */
export async function runDeno(
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

interface InfoModule {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

/**
 * For each file of the program the files of the program it imports; packages are left out.
 *
 * `code` leaves out what is imported as a type only: that is gone when the program runs, and two files that know each
 * other's shapes are no circle.
 */
export async function importGraph(
  files: readonly string[],
  kind: "code" | "code and types",
): Promise<ReadonlyMap<string, readonly string[]>> {
  const entry = await Deno.makeTempFile({ prefix: "pushpin_graph_", suffix: ".ts" });
  try {
    await Deno.writeTextFile(entry, files.map((path) => `import "file://${ROOT}${path}";\n`).join(""));
    const info = await runDeno(["info", "--json", "--config", `${ROOT}deno.json`, entry]);
    if (info.code !== 0) throw new Error(`deno info failed: ${info.stderr}`);
    const graph = new Map<string, readonly string[]>();
    for (const module of (JSON.parse(info.stdout) as { modules: readonly InfoModule[] }).modules) {
      const from = ownPath(module.specifier);
      if (from === undefined) continue;
      const named = (module.dependencies ?? []).flatMap(({ code, type }) => [
        code?.specifier,
        kind === "code" ? undefined : type?.specifier,
      ]);
      const targets = named.flatMap((specifier) => ownPath(specifier ?? "") ?? []);
      graph.set(from, [...new Set(targets)]);
    }
    return graph;
  } finally {
    await Deno.remove(entry);
  }
}

function ownPath(specifier: string): string | undefined {
  const prefix = `file://${ROOT}`;
  return specifier.startsWith(prefix) ? specifier.slice(prefix.length) : undefined;
}

/** One cycle of the graph as the files on it, first and last the same; undefined where there is none. */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): readonly string[] | undefined => {
    const at = path.indexOf(file);
    if (at >= 0) return [...path.slice(at), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return undefined;
}
