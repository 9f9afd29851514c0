import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { programCommand } from "../helpers/program.ts";

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: Uint8Array;
}

/** Runs the program to its end. */
async function pushpin(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [bin, ...words] = programCommand();
  const child = new Deno.Command(bin ?? "deno", {
    args: [...words, ...args],
    env: { NO_COLOR: "1", ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  if (options.stdin !== undefined) await writer.write(options.stdin as Uint8Array<ArrayBuffer>);
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("pushpin --help and --version print to standard output and exit 0", async () => {
  const help = await pushpin(["--help"]);
  assertEquals([help.code, help.err], [0, ""]);
  assert(help.out.startsWith("Usage: pushpin [flags]\n"), help.out);
  const version = await pushpin(["--version"]);
  assertEquals([version.code, version.err], [0, ""]);
  assertMatch(version.out, /^pushpin \d+\.\d+\.\d+\n$/);
});

Deno.test("pushpin with a mistyped flag or command prints one line that names the nearest, and exits 1", async () => {
  assertEquals(await pushpin(["--prot", "7999"]), {
    code: 1,
    out: "",
    err: `Error: Unknown flag "--prot": did you mean "--port"?\n`,
  });
  assertEquals(await pushpin(["publish"]), {
    code: 1,
    out: "",
    err: `Error: A channel is needed: write pushpin publish <channel> <content>\n`,
  });
});

Deno.test("pushpin with a configuration that is wrong prints every problem and does not start", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${cwd}/pushpin.toml`, "[runner]\nhttp_prot = 1\nworkers = -1\n");
    assertEquals(await pushpin([], { cwd }), {
      code: 1,
      out: "",
      err: `pushpin.toml:2: unknown key "http_prot" in [runner]: did you mean "http_port"?\n` +
        `pushpin.toml:3: [runner] workers must be a whole number from 0 to 64, is -1\n`,
    });
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("pushpin check prints problems of settings and routes, and exits 1 where the program would not start", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${cwd}/pushpin.toml`, "[proxy]\ndebug = 1\n");
    await Deno.writeTextFile(`${cwd}/routes`, "* test\nbad\n");
    const bad = await pushpin(["check"], { cwd });
    assertEquals([bad.code, bad.err], [1, ""]);
    assertStringIncludes(bad.out, "pushpin.toml:2: [proxy] debug must be true or false, is 1\n");
    assertStringIncludes(bad.out, "routes:2: line skipped: ");
    await Deno.writeTextFile(`${cwd}/pushpin.toml`, "[proxy]\ndebug = true\n");
    const good = await pushpin(["check", "--config", "pushpin.toml"], {
      cwd,
      env: { PUSHPIN_RUNNER_DRAIN: "1" },
    });
    assertEquals(good.code, 0, good.out + good.err);
    assertMatch(good.out, /^debug = true +# pushpin\.toml:2$/m);
    assertMatch(good.out, /^drain = 1 +# env PUSHPIN_RUNNER_DRAIN$/m);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("pushpin publish posts what it reads from standard input, past any HTTP_PROXY", async () => {
  const bodies: unknown[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    bodies.push(await request.json());
    return new Response("Published\n");
  });
  const GRIP_URL = `http://127.0.0.1:${server.addr.port}/`;
  // Port 9 discards: a publish that went there would fail.
  const env = {
    GRIP_URL,
    HTTP_PROXY: "http://127.0.0.1:9",
    http_proxy: "http://127.0.0.1:9",
    ALL_PROXY: "http://127.0.0.1:9",
  };
  const ran = await pushpin(["publish", "clock", "-", "--id", "7"], {
    env,
    stdin: new TextEncoder().encode("now\n"),
  });
  assertEquals(ran, { code: 0, out: "Published\n", err: "" });
  const formats = {
    "http-response": { body: "now\n" },
    "http-stream": { content: "now\n" },
    "ws-message": { type: "text", content: "now\n" },
  };
  assertEquals(bodies, [{ items: [{ channel: "clock", id: "7", formats }] }]);
});

Deno.test("pushpin publish to a server that refuses, and to none, prints one line and exits 1", async () => {
  let url: string;
  {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response("Invalid format: bad\n", { status: 400 }),
    );
    url = `http://127.0.0.1:${server.addr.port}`;
    assertEquals(await pushpin(["publish", "--spec", url, "c", "x"]), {
      code: 1,
      out: "",
      err: `Error: Cannot publish to ${url}/publish/: the server answered 400: Invalid format: bad\n`,
    });
  }
  const { code, out, err } = await pushpin(["publish", "--spec", url, "c", "x"]);
  assertEquals([code, out], [1, ""]);
  assertEquals(
    err,
    `Error: Cannot publish to ${url}/publish/: connection refused: start pushpin there, or name another address with --spec\n`,
  );
});

Deno.test("pushpin --help into a pipe that nobody reads is no failure", async () => {
  const command = programCommand().map((word) => `'${word}'`).join(" ");
  const shell = new Deno.Command("sh", {
    args: ["-c", `{ ${command} --help; echo "code=$?" >&2; } | true`],
    env: { NO_COLOR: "1" },
    stderr: "piped",
    stdout: "null",
  });
  const { stderr } = await shell.output();
  assertEquals(new TextDecoder().decode(stderr), "code=0\n");
});
