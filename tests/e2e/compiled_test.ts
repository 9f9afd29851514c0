/** The one executable that `deno task compile` makes: it starts, proxies, holds, publishes with its own subcommand, stops. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Program, ROOT } from "../helpers/program.ts";
import { askOnce, RawClient } from "../helpers/raw_client.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";

const HAS_BASE = Deno.env.get("DENORT_BIN") !== undefined &&
  Deno.env.get("PUSHPIN_COMPILE_DENO") !== undefined;
if (!HAS_BASE) {
  console.warn(
    "SKIPPED: the compiled program is not tested: no PUSHPIN_COMPILE_DENO and DENORT_BIN; " +
      'eval "$(scripts/compile_base.sh .cache/compile)" finds a pair on Linux x64',
  );
}

async function compile(): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "pushpin_compiled_" });
  const { code, stderr } = await new Deno.Command("bash", {
    args: [`${ROOT}scripts/compile.sh`, `${dir}/pushpin`],
    stdin: "null",
  }).output();
  if (code !== 0) throw new Error(`Compiling failed: ${new TextDecoder().decode(stderr)}`);
  return dir;
}

Deno.test({
  name: "the compiled program proxies, holds, publishes and stops",
  ignore: !HAS_BASE,
  fn: async (t) => {
    await using stack = new AsyncDisposableStack();
    const dir = await compile();
    stack.defer(() => Deno.remove(dir, { recursive: true }));
    const executable = `${dir}/pushpin`;
    const run = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
      const output = await new Deno.Command(executable, { args: [...args], env: { ...env }, stdin: "null" })
        .output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
    };

    await t.step("says its version", async () => {
      const { code, stdout } = await run(["--version"]);
      assertEquals(code, 0);
      assertStringIncludes(stdout, "pushpin");
    });

    const origin = stack.use(ScriptedOrigin.start({
      rules: [
        { target: "/plain", respond: { headers: [["Content-Type", "text/plain"]], body: "through\n" } },
        {
          target: "/stream",
          respond: { headers: [["Grip-Hold", "stream"], ["Grip-Channel", "news"]], body: "open\n" },
        },
      ],
    }));
    const program = stack.use(await Program.start({ executable, routes: [`* 127.0.0.1:${origin.port}`] }));

    await t.step("proxies", async () => {
      const answer = await askOnce(program.port, "/plain");
      assertEquals([answer.status, answer.text], [200, "through\n"]);
    });

    await t.step("holds a stream, and its publish subcommand reaches it", async () => {
      await using client = await RawClient.connect({ port: program.port });
      await client.request({ target: "/stream" });
      assertEquals((await client.readHead()).status, 200);
      assertEquals(await client.readChunksUntil("\n"), "open\n");
      const published = await run(["publish", "news", "hello"], { GRIP_URL: program.controlUrl });
      assertEquals([published.code, published.stdout], [0, "Published\n"]);
      assertEquals(await client.readChunksUntil("\n"), "hello\n");
    });

    await t.step("a publish that nobody takes is one line and exit 1", async () => {
      const refused = await run(["publish", "news", "x"], { GRIP_URL: "http://127.0.0.1:1" });
      assertEquals([refused.code, refused.stdout], [1, ""]);
      assertEquals(refused.stderr.trim().split("\n").length, 1);
    });

    await t.step("stops on SIGTERM with exit code 0", async () => {
      const status = await program.stop("SIGTERM", 15_000);
      assertEquals([status.code, status.signal], [0, null]);
    });
  },
});
