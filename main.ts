/** From the command line to a running program. The only file that ends the process. */
import { toBytes } from "@std/streams";
import { type Command, parseCommand } from "./src/cli.ts";
import { check } from "./src/cli/check.ts";
import { formatProblem, loadSettings } from "./src/config.ts";
import { describeError, PushpinError } from "./src/errors.ts";
import { runPublish } from "./src/server/control/publish_client.ts";
import { VERSION } from "./src/cli/version.ts";

async function run(command: Command): Promise<number> {
  const env = Deno.env.toObject();
  const cwd = Deno.cwd();
  switch (command.kind) {
    case "help":
      print(Deno.stdout, command.text);
      return 0;
    case "version":
      print(Deno.stdout, `pushpin ${VERSION}\n`);
      return 0;
    case "check": {
      const result = check(command.settings, { env, cwd, readFile: (path) => Deno.readTextFileSync(path) });
      print(Deno.stdout, result.text);
      return result.exitCode;
    }
    case "publish":
      print(
        Deno.stdout,
        await runPublish(command.request, {
          readFile: (path) => Deno.readFile(path),
          readStdin: async () => await toBytes(Deno.stdin.readable),
          nowSeconds: () => Math.floor(Date.now() / 1000),
        }),
      );
      return 0;
    case "run": {
      const load = () => loadSettings({ ...command.settings, env, cwd });
      const { effective, problems, failed } = load();
      const warnings = [...command.settings.warnings, ...problems];
      if (failed) {
        print(Deno.stderr, warnings.map((problem) => `${formatProblem(problem)}\n`).join(""));
        return 1;
      }
      // Loaded here: publish and check have no use for a server, and start sooner without one.
      const { runPushpin } = await import("./src/app.ts");
      return await runPushpin(effective, { role: command.role, warnings, reload: load });
    }
  }
}

/** Whoever reads the output may be gone (`pushpin --help | head -1`): that is no failure of ours. */
function print(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
  } catch (e) {
    if (!(e instanceof Deno.errors.BrokenPipe)) throw e;
  }
}

async function main(): Promise<number> {
  try {
    return await run(parseCommand(Deno.args, Deno.env.toObject()));
  } catch (e) {
    if (!(e instanceof PushpinError)) throw e;
    // A message of ours is whole: the causes behind it are for logs.
    print(Deno.stderr, `Error: ${e.code === "PUSHPIN_PUBLISH_FAILED" ? e.message : describeError(e)}\n`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main());
