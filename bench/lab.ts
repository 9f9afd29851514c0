/** Where one run takes place: a directory, free ports, the origin. */
import { freePort } from "../tests/helpers/free_port.ts";

export interface Lab extends AsyncDisposable {
  /** A directory of its own; gone in the end. */
  readonly dir: string;
  /** The tree that is measured. */
  readonly tree: string;
  /** A file in it. */
  write(name: string, text: string | Uint8Array): Promise<string>;
  /** A port that nobody uses. */
  port(): number;
}

export async function openLab(tree: string): Promise<Lab> {
  const dir = await Deno.makeTempDir({ prefix: "pushpin_bench_" });
  // nginx drops to another user where it starts as root.
  await Deno.chmod(dir, 0o755);
  const given = new Set<number>();
  return {
    dir,
    tree,
    async write(name, text) {
      const path = `${dir}/${name}`;
      await (typeof text === "string" ? Deno.writeTextFile(path, text) : Deno.writeFile(path, text));
      return path;
    },
    port() {
      for (;;) {
        const port = freePort();
        if (given.has(port)) continue;
        given.add(port);
        return port;
      }
    },
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}
