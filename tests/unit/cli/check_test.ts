import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { check } from "../../../src/cli/check.ts";
import { parseCommand } from "../../../src/cli.ts";

function run(
  args: readonly string[],
  files: Readonly<Record<string, string>>,
  env: Record<string, string> = {},
) {
  const command = parseCommand(["check", ...args], {});
  assert(command.kind === "check");
  return check(command.settings, {
    env,
    cwd: "/w",
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(path);
      return text;
    },
  });
}

Deno.test("check() says nothing but the settings where all is well", () => {
  const { text, exitCode } = run([], { "/w/routes": "* localhost:80\n" });
  assertEquals(exitCode, 0);
  assert(text.startsWith("# no configuration file\n"), text);
  assert(text.endsWith("\npushpin would start with these settings\n"), text);
});

Deno.test("check() shows where each setting came from and hides what is secret", () => {
  const files = { "/w/pushpin.toml": `[proxy]\nsig_key = "topsecret"\n`, "/w/routes": "* test\n" };
  const { text } = run(["--port", "80"], files, {
    PUSHPIN_PROXY_UPSTREAM_KEY: "topsecret",
    PUSHPIN_RUNNER_DRAIN: "9",
  });
  const lines = text.split("\n").map((line) => line.replace(/ +/g, " "));
  for (
    const line of [
      "# configuration file: /w/pushpin.toml",
      `sig_key = "(hidden)" # pushpin.toml:2`,
      `upstream_key = "(hidden)" # env PUSHPIN_PROXY_UPSTREAM_KEY`,
      `http_port = 80 # flag --port`,
      `drain = 9 # env PUSHPIN_RUNNER_DRAIN`,
      `workers = 0 # default`,
    ]
  ) assert(lines.includes(line), `${line}\nnot in\n${text}`);
  assert(!text.includes("topsecret"));
});

Deno.test("check() says what is wrong with routes, line by line, and would start all the same", () => {
  const files = { "/w/pushpin.toml": "", "/w/routes": "* localhost:80\nbad\n* localhost:81,over_htp\n" };
  const { text, exitCode } = run([], files);
  assertEquals(exitCode, 0);
  assertStringIncludes(text, "routes:2: line skipped: ");
  assertStringIncludes(text, "routes:3: ");
});

Deno.test("check() takes routes from flags in place of the file", () => {
  const { text } = run(["--route", "nonsense", "--route", "* test"], {});
  assertStringIncludes(text, "--route:1: line skipped: ");
  assert(!text.includes("no such file"));
});

Deno.test("check() says what becomes of requests where there is no routes file or no usable line", () => {
  assertStringIncludes(
    run([], {}).text,
    "routes: warning: there is no such file, every request goes to localhost:80: ",
  );
  const named = run([], {}, { PUSHPIN_PROXY_ROUTESFILE: "/etc/r" });
  assertStringIncludes(named.text, "/etc/r: warning: there is no such file, every request gets a 502: ");
  assertStringIncludes(
    run([], { "/w/routes": "# none\n" }).text,
    "no line can be used: every request gets a 502",
  );
});

Deno.test("check() exits with 1 where the program would not start", () => {
  const { text, exitCode } = run(["-m"], {
    "/w/pushpin.toml": "[runner]\nworkers = -1\n",
    "/w/routes": "* test\n",
  });
  assertEquals(exitCode, 1);
  assertEquals(text.split("\n").slice(0, 3), [
    "--merge-output: warning: there is nothing to merge: all processes log to one place",
    "pushpin.toml:2: [runner] workers must be a whole number from 0 to 64, is -1",
    "",
  ]);
  assert(text.endsWith("\npushpin would not start with these settings\n"));
});
