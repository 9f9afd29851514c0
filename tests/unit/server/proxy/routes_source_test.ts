import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import type { Log, LogFields, LogLevel } from "../../../../src/log.ts";
import { RoutesSource, type RoutesSourceOptions } from "../../../../src/server/proxy/routes_source.ts";
import { eventually } from "../../../helpers/wait.ts";

/** Keeps what was logged, as `level message`. */
class Recorder implements Log {
  readonly lines: string[] = [];
  enabled = () => true;
  #add = (level: LogLevel) => (message: string, _fields?: LogFields) => {
    this.lines.push(`${level} ${message}`);
  };
  error = this.#add("error");
  warn = this.#add("warn");
  info = this.#add("info");
  debug = this.#add("debug");
  trace = this.#add("trace");

  count(part: string): number {
    return this.lines.filter((line) => line.includes(part)).length;
  }
}

/** A directory of its own, a log, and a source that is disposed with them. */
async function workplace(text?: string, options: Partial<RoutesSourceOptions> & { name?: string } = {}) {
  const dir = await Deno.makeTempDir({ prefix: "pushpin-routes-" });
  const file = join(dir, options.name ?? "routes");
  if (text !== undefined) await Deno.writeTextFile(file, text);
  const log = new Recorder();
  const source = new RoutesSource({ file, log, ...options });
  return {
    dir,
    file,
    log,
    source,
    ports: () => source.table.routes.map((r) => r.targets[0].kind === "http" && r.targets[0].port),
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

/** Waits until the first target's port is this one, and says after how many milliseconds. */
async function portBecomes(place: { ports: () => readonly unknown[] }, port: number): Promise<number> {
  const start = performance.now();
  await eventually(() => place.ports()[0] === port, { what: `port ${port}` });
  return performance.now() - start;
}

Deno.test("RoutesSource.load() reads the file and logs each bad line by its place", async () => {
  await using place = await workplace("* a:8001\n* b\nc.test c:8002,ovr_http\n");
  await place.source.load();
  assertEquals(place.ports(), [8001, 8002]);
  assertEquals(place.log.lines, [
    'warn routes:2: line skipped: target "b" has no port: write "b:80"',
    'warn routes:3: unknown target property "ovr_http" is ignored: did you mean "over_http"?',
    "info routes loaded with 2 entries",
  ]);
  assertEquals(place.source.problems.length, 2);
});

Deno.test("RoutesSource.load() without a file warns and has no routes", async () => {
  await using place = await workplace();
  await place.source.load();
  assertEquals(place.ports(), []);
  assertStringIncludes(place.log.lines.join(), `warn Cannot read routes file "${place.file}"`);
});

Deno.test("RoutesSource.load() without a file begins with the default route and takes the file when it comes", async () => {
  await using place = await workplace(undefined, { fallback: ["* localhost:80"] });
  await place.source.load();
  place.source.watch();
  assertEquals(place.ports(), [80]);
  assertEquals(place.log.count("warn"), 0);
  await Deno.writeTextFile(place.file, "* a:8001\n");
  await portBecomes(place, 8001);
});

Deno.test("RoutesSource takes --route lines in the file's place and watches nothing", async () => {
  await using place = await workplace("* a:8001\n", { lines: ["* b:8002", "c.test nonsense"] });
  await place.source.load();
  place.source.watch();
  assertEquals(place.ports(), [8002]);
  assertEquals(await place.source.reload(), true);
  assertEquals(place.log.lines, [
    'warn --route:2: line skipped: target "nonsense" has no port: write "nonsense:80"',
    "info routes loaded with 1 entries",
  ]);
});

Deno.test("RoutesSource refuses what is no regular file or too large a one", async () => {
  await using place = await workplace();
  await Deno.mkdir(place.file);
  await place.source.load();
  assertStringIncludes(place.log.lines[0]!, "it is not a regular file");
});

Deno.test("RoutesSource logs at most 50 problems of one file", async () => {
  await using place = await workplace("bad\n".repeat(1000));
  await place.source.load();
  assertEquals(place.log.count("line skipped"), 50);
  assertEquals(place.log.count("more problems"), 1);
});

Deno.test("RoutesSource.reload() reads the file whatever its times say, and keeps the table where it cannot", async () => {
  await using place = await workplace("* a:8001\n");
  await place.source.load();
  const before = place.source.table;
  assertEquals(await place.source.reload(), true);
  assertEquals(place.source.table !== before, true);
  await Deno.remove(place.file);
  assertEquals(await place.source.reload(), false);
  assertEquals(place.ports(), [8001]);
  assertEquals(place.log.count("the 1 routes of before stay"), 1);
});

Deno.test("RoutesSource resolves file: keys from the file's directory and reads certificates", async () => {
  await using place = await workplace("*,sig_key=file:k.pem a:8001\n");
  await place.source.load();
  assertEquals(place.source.table.routes[0]!.sigKey, `file:${join(place.dir, "k.pem")}`);
  await Deno.writeTextFile(join(place.dir, "c.pem"), "CERT");
  const pem = join(place.dir, "c.pem");
  await Deno.writeTextFile(
    place.file,
    `* a:8001,ssl,client_cert=${pem},client_key=${pem}\n* b:1,ssl,client_cert=/no,client_key=/no`,
  );
  await place.source.reload();
  const [target] = place.source.table.routes[0]!.targets;
  assertEquals(target.kind === "http" && target.clientCert, { cert: "CERT", key: "CERT" });
  assertEquals(place.log.count("routes:2: line skipped"), 1);
});

/** Ways in which people and programs change a file. */
const CHANGES: Readonly<Record<string, (file: string, text: string) => Promise<void>>> = {
  "written in place": (file, text) => Deno.writeTextFile(file, text),
  "replaced by a rename": async (file, text) => {
    await Deno.writeTextFile(`${file}.tmp`, text);
    await Deno.rename(`${file}.tmp`, file);
  },
  "removed and made again": async (file, text) => {
    await Deno.remove(file);
    await Deno.writeTextFile(file, text);
  },
  "moved to a backup and written anew, as editors do": async (file, text) => {
    await Deno.rename(file, `${file}~`);
    await Deno.writeTextFile(file, text);
    await Deno.remove(`${file}~`);
  },
  "written with the times of before": async (file, text) => {
    const { atime, mtime } = await Deno.stat(file);
    await Deno.writeTextFile(file, text);
    await Deno.utime(file, atime!, mtime!);
  },
};

for (const [name, change] of Object.entries(CHANGES)) {
  Deno.test(`RoutesSource.watch() loads a file that is ${name}`, async () => {
    await using place = await workplace("* a:8001\n");
    await place.source.load();
    place.source.watch();
    for (const port of [8002, 8003, 8004]) {
      await change(place.file, `* a:${port}\n`);
      const tookMs = await portBecomes(place, port);
      // A second is the promise; the machine that runs the tests may be busy.
      assertEquals(tookMs < 3000, true, `took ${tookMs} ms`);
    }
    assertEquals(place.log.count("routes file changed, reloading"), 3);
  });
}

Deno.test("RoutesSource.watch() follows the symlinks of a Kubernetes volume", async () => {
  await using place = await workplace();
  const write = async (version: string, port: number) => {
    const { dir } = place;
    await Deno.mkdir(join(dir, version));
    await Deno.writeTextFile(join(dir, version, "routes"), `* a:${port}\n`);
    await Deno.symlink(version, join(dir, "..data_tmp"));
    await Deno.rename(join(dir, "..data_tmp"), join(dir, "..data"));
  };
  await write("..v1", 8001);
  await Deno.symlink("..data/routes", place.file);
  await place.source.load();
  place.source.watch();
  assertEquals(place.ports(), [8001]);
  for (const n of [2, 3, 4]) {
    await write(`..v${n}`, 8000 + n);
    await Deno.remove(join(place.dir, `..v${n - 1}`), { recursive: true });
    await portBecomes(place, 8000 + n);
  }
});

Deno.test("RoutesSource.watch() sees a change of the file behind a symlink", async () => {
  await using real = await workplace("* a:8001\n", { name: "real" });
  await using place = await workplace();
  await Deno.symlink(real.file, place.file);
  await place.source.load();
  place.source.watch();
  for (const port of [8002, 8003]) {
    await Deno.writeTextFile(real.file, `* a:${port}\n`);
    await portBecomes(place, port);
  }
});

Deno.test("RoutesSource.watch() keeps the table while there is no file and loads the next one", async () => {
  await using place = await workplace("* a:8001\n");
  await place.source.load();
  place.source.watch();
  await Deno.remove(place.file);
  await eventually(() => place.log.count("Cannot read routes file") === 1);
  assertEquals(place.ports(), [8001]);
  await Deno.writeTextFile(place.file, "* a:8002\n");
  await portBecomes(place, 8002);
});

Deno.test("RoutesSource.watch() loads nothing where the text stays the same", async () => {
  await using place = await workplace("* a:8001\n");
  await place.source.load();
  place.source.watch();
  const { table } = place.source;
  await Deno.writeTextFile(place.file, "* a:8001\n");
  await Deno.writeTextFile(join(place.dir, "neighbour"), "x");
  // A reading that is known to come after those events.
  await Deno.writeTextFile(`${place.file}.new`, "* a:8001\n# done\n");
  assertEquals(place.source.table, table);
  await Deno.rename(`${place.file}.new`, place.file);
  await eventually(() => place.log.count("reloading") === 1);
  assertEquals(place.log.count("routes loaded"), 2);
});

Deno.test("RoutesSource.watch() without events finds changes by looking every second", async () => {
  await using place = await workplace("* a:8001\n", { events: false });
  await place.source.load();
  place.source.watch();
  // The first change may be found by the look that begins the watch.
  for (const port of [8002, 8003]) {
    await CHANGES["replaced by a rename"]!(place.file, `* a:${port}\n`);
    await portBecomes(place, port);
  }
});

Deno.test("RoutesSource.watch() survives that the whole directory is removed and made again", async () => {
  await using place = await workplace();
  const dir = join(place.dir, "volume");
  const file = join(dir, "routes");
  await using source = new RoutesSource({ file, log: place.log });
  const ports = () => source.table.routes.map((r) => r.targets[0].kind === "http" && r.targets[0].port);
  await source.load();
  source.watch();
  assertEquals(place.log.count("cannot watch the routes file"), 1);
  for (const port of [8001, 8002, 8003]) {
    await Deno.mkdir(dir);
    await Deno.writeTextFile(file, `* a:${port}\n`);
    await portBecomes({ ports }, port);
    await Deno.remove(dir, { recursive: true });
    await eventually(() => place.log.count("Cannot read routes file") === 2 + port - 8001);
  }
});

Deno.test("RoutesSource never shows a table that is half of two files", async () => {
  const text = (port: number) => Array.from({ length: 300 }, (_, i) => `h${i}.test a:${port}`).join("\n");
  await using place = await workplace(text(8001));
  await place.source.load();
  place.source.watch();
  for (const port of [8002, 8003]) {
    await CHANGES["replaced by a rename"]!(place.file, text(port));
    await eventually(() => {
      const ports = new Set(place.ports());
      assertEquals(place.ports().length, 300);
      if (ports.size !== 1) throw new Error("half of two files");
      return ports.has(port);
    });
  }
});
