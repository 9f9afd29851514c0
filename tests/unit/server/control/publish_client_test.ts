import { assert, assertEquals, assertMatch } from "@std/assert";
import { jwtVerify } from "jose";
import { parseCommand } from "../../../../src/cli.ts";
import { PushpinError } from "../../../../src/errors.ts";
import { type PublishIo, runPublish } from "../../../../src/server/control/publish_client.ts";

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: unknown;
}

/** A control port that records what it gets and answers as told. */
class ControlPort implements AsyncDisposable {
  readonly seen: Seen[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(answer: () => Response) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const { method, headers } = request;
      const body: unknown = await request.json();
      this.seen.push({ method, path: new URL(request.url).pathname, headers, body });
      return answer();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

const io = (files: Readonly<Record<string, Uint8Array>> = {}): PublishIo => ({
  readFile: (path) => {
    const file = files[path];
    return file === undefined ? Promise.reject(new Deno.errors.NotFound(path)) : Promise.resolve(file);
  },
  readStdin: () => Promise.resolve(new TextEncoder().encode("typed\n")),
  nowSeconds: () => 1_900_000_000,
});

function publish(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  world = io(),
): Promise<string> {
  const command = parseCommand(["publish", ...args], env);
  assert(command.kind === "publish");
  return runPublish(command.request, world);
}

/** The items that a publish sends. */
async function items(args: readonly string[], world = io()): Promise<unknown> {
  await using port = new ControlPort(() => new Response("Published\n"));
  assertEquals(await publish(["--spec", port.url, ...args], {}, world), "Published\n");
  const [seen] = port.seen;
  assertEquals([seen?.method, seen?.path], ["POST", "/publish/"]);
  return seen?.body;
}

const one = (item: unknown) => ({ items: [item] });

Deno.test("runPublish() sends all three formats, with a line end for long-polls and streams only", async () => {
  assertEquals(
    await items(["test", "hello"]),
    one({
      channel: "test",
      formats: {
        "http-response": { body: "hello\n" },
        "http-stream": { content: "hello\n" },
        "ws-message": { type: "text", content: "hello" },
      },
    }),
  );
});

Deno.test("runPublish() adds no line end with --no-eol, to a file, or to standard input", async () => {
  const world = io({ f: new TextEncoder().encode("file") });
  for (const [args, text] of [[["--no-eol", "x"], "x"], [["@f"], "file"], [["-"], "typed\n"]] as const) {
    const formats = {
      "http-response": { body: text },
      "http-stream": { content: text },
      "ws-message": { type: "text", content: text },
    };
    assertEquals(await items(["c", ...args], world), one({ channel: "c", formats }));
  }
});

Deno.test("runPublish() sends a file that is not UTF-8 as base64, and to WebSockets as a binary message", async () => {
  const world = io({ f: new Uint8Array([0xff, 0x00]) });
  assertEquals(
    await items(["c", "@f"], world),
    one({
      channel: "c",
      formats: {
        "http-response": { "body-bin": "/wA=" },
        "http-stream": { "content-bin": "/wA=" },
        "ws-message": { type: "binary", "content-bin": "/wA=" },
      },
    }),
  );
});

Deno.test("runPublish() sends ids, meta, sender, no-seq, code and headers", async () => {
  const args = [
    "c",
    "x",
    "--id",
    "2",
    "--prev-id",
    "1",
    "--sender",
    "s",
    "-M",
    "k=v",
    "--no-seq",
    "--code",
    "404",
  ];
  assertEquals(
    await items([...args, "-H", "X-A: é"]),
    one({
      channel: "c",
      id: "2",
      "prev-id": "1",
      formats: {
        "http-response": { code: 404, headers: [["X-A", "é"]], body: "x\n" },
        "http-stream": { content: "x\n" },
        "ws-message": { type: "text", content: "x" },
      },
      meta: { k: "v", sender: "s" },
      "no-seq": true,
    }),
  );
});

Deno.test("runPublish(): --hint, --close and --patch choose the formats", async () => {
  const hint = { action: "hint" }, close = { action: "close" };
  assertEquals(
    await items(["c", "--hint"]),
    one({ channel: "c", formats: { "http-response": hint, "http-stream": hint, "ws-message": hint } }),
  );
  assertEquals(
    await items(["c", "--close"]),
    one({ channel: "c", formats: { "http-stream": close, "ws-message": close } }),
  );
  const patch = [{ op: "add", path: "/a", value: 1 }];
  assertEquals(
    await items(["c", "--patch", JSON.stringify(patch)]),
    one({ channel: "c", formats: { "http-response": { "body-patch": patch } } }),
  );
});

Deno.test("runPublish() signs with iss and key of GRIP_URL, and posts under its path", async () => {
  await using port = new ControlPort(() => new Response("Published\n"));
  await publish(["c", "x"], { GRIP_URL: `${port.url}/base/?iss=me&key=base64:c2VjcmV0` });
  const [seen] = port.seen;
  assertEquals(seen?.path, "/base/publish/");
  const authorization = seen?.headers.get("authorization") ?? "";
  assertMatch(authorization, /^Bearer /);
  const now = new Date(1_900_000_000_000);
  const key = new TextEncoder().encode("secret");
  const { payload, protectedHeader } = await jwtVerify(authorization.slice(7), key, { currentDate: now });
  assertEquals(payload, { iss: "me", exp: 1_900_003_600 });
  assertEquals(protectedHeader.alg, "HS256");
});

Deno.test("runPublish() sends Basic and Bearer credentials, and none where there are none", async () => {
  await using port = new ControlPort(() => new Response("Published\n"));
  await publish(["c", "x", "--spec", port.url]);
  await publish(["c", "x", "--spec", port.url, "-u", "me:é"]);
  await publish(["c", "x", "--spec", port.url, "-B", "tok"]);
  await publish(["c", "x", "--spec", port.url.replace("//", "//u:p%40@")]);
  assertEquals(port.seen.map((s) => s.headers.get("authorization")), [
    null,
    "Basic bWU6w6k=",
    "Bearer tok",
    "Basic dTpwQA==",
  ]);
});

Deno.test("runPublish() with --report says for whom it was", async () => {
  const report = {
    message: "Published",
    items: [
      {
        channel: "c",
        status: "published",
        matched: 3,
        receivers: { "http-response": 1, "http-stream": 2, "ws-message": 0 },
        dropped: { "slow-client": 1 },
      },
    ],
  };
  await using port = new ControlPort(() => Response.json(report));
  assertEquals(
    await publish(["c", "x", "--report", "--spec", port.url]),
    `Published\nchannel "c": 3 receivers (1 long-poll, 2 streams), dropped: 1 slow-client\n`,
  );
  assertEquals(port.seen[0]?.headers.get("prefer"), "return=representation");
  assertEquals(port.seen[0]?.headers.get("accept"), "application/json");
});

Deno.test("runPublish() with --report to a server that gives none says so", async () => {
  for (const text of ["Published\n", `{"message":"Published"}\n`]) {
    await using port = new ControlPort(() => new Response(text));
    assertEquals(
      await publish(["c", "x", "--report", "--spec", port.url]),
      "Published\nThe server gives no report\n",
    );
  }
});

async function failure(promise: Promise<string>): Promise<string> {
  try {
    return `published: ${await promise}`;
  } catch (e) {
    assert(e instanceof PushpinError, String(e));
    assert(!e.message.includes("\n"));
    return e.message;
  }
}

Deno.test("runPublish() shows what a server refuses with, in one line", async () => {
  const cases = [
    [
      400,
      "Invalid format: no formats specified\n",
      "the server answered 400: Invalid format: no formats specified",
    ],
    [401, "", "the server answered 401: give credentials with GRIP_URL, --user or --bearer"],
    [404, "Not\nFound\n", "the server answered 404: Not Found: is this the control port (5561)?"],
    [302, "", "the server answered 302"],
    [500, "x", "the server answered 500: x"],
  ] as const;
  for (const [status, text, said] of cases) {
    await using port = new ControlPort(() => new Response(text, { status }));
    assertEquals(
      await failure(publish(["c", "x", "--spec", port.url])),
      `Cannot publish to ${port.url}/publish/: ${said}`,
    );
  }
});

Deno.test("runPublish() says that a connection is refused, and what would do", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}`;
  listener.close();
  assertEquals(
    await failure(publish(["c", "x", "--spec", url])),
    `Cannot publish to ${url}/publish/: connection refused: start pushpin there, or name another address with --spec`,
  );
});

Deno.test("runPublish() refuses a file that is not there and a patch that is none", async () => {
  assertEquals(await failure(publish(["c", "@gone"])), `Cannot read "gone": there is no such file`);
  for (const patch of ["{}", "nonsense", "[1]", '"x"']) {
    assertEquals(
      await failure(publish(["c", "--patch", patch])),
      `The patch content must be a JSON array of operations, as [{"op":"add",…}]`,
    );
  }
});
