import { assert, assertEquals, assertMatch } from "@std/assert";
import { formatJson, formatText } from "../../../src/server/log_format.ts";
import { createLogWriter, LOG_QUEUE_BYTES } from "../../../src/server/log_writer.ts";
import type { LogLevels } from "../../../src/config_values.ts";

const time = new Date(2026, 0, 2, 3, 4, 5, 6);
const levels = (base: LogLevels["base"], services: LogLevels["services"] = {}): LogLevels => ({
  base,
  services,
});

/** Everything a writer writes. */
function recorder() {
  const pieces: string[] = [];
  const write = (bytes: Uint8Array): Promise<void> => {
    pieces.push(new TextDecoder().decode(bytes));
    return Promise.resolve();
  };
  return { pieces, write };
}

Deno.test("formatText() writes level, local time, role, message and fields", () => {
  const event = { level: "info", time, service: "proxy", message: "publish" } as const;
  assertEquals(formatText(event), "[INFO] 2026-01-02 03:04:05.006 publish");
  const fields = {
    channel: "a b",
    receivers: 2,
    ok: true,
    none: undefined,
    empty: "",
    q: 'x"y',
    plain: "a/b",
  };
  assertEquals(
    formatText({ ...event, role: "proxy 1", fields }),
    `[INFO] 2026-01-02 03:04:05.006 [proxy 1] publish channel="a b" receivers=2 ok=true empty="" q="x\\"y" plain=a/b`,
  );
  const words = (["error", "warn", "info", "debug", "trace"] as const).map((level) =>
    formatText({ ...event, level }).split(" ")[0]
  );
  assertEquals(words, ["[ERR]", "[WARN]", "[INFO]", "[DEBUG]", "[TRACE]"]);
});

Deno.test("formatText() lets no client's bytes begin a line or reach the terminal", () => {
  const line = formatText({
    level: "warn",
    time,
    service: "proxy",
    message: "GET /\n[INFO] forged\x1b[2J\u2028",
    fields: { ua: "a\r\nb\x7f\x85" },
  });
  assertEquals(
    line,
    `[WARN] 2026-01-02 03:04:05.006 GET /\\x0a[INFO] forged\\x1b[2J\\u2028 ua="a\\r\\nb\\x7f\\x85"`,
  );
});

Deno.test("formatJson() writes one object, and a field cannot take the place of the level", () => {
  const fields = { level: "forged", channel: "a\nb", n: 1 };
  const line = formatJson({ level: "error", time, service: "handler", message: "m", fields });
  assert(!line.includes("\n"));
  assertEquals(JSON.parse(line), {
    level: "error",
    channel: "a\nb",
    n: 1,
    time: time.toISOString(),
    service: "handler",
    message: "m",
  });
});

Deno.test("LogWriter.log() follows the level of its service, and setLevels() changes it", async () => {
  const { pieces, write } = recorder();
  const writer = createLogWriter({
    levels: levels("warn", { proxy: "debug" }),
    format: "text",
    write,
    now: () => time,
  });
  const proxy = writer.log("proxy"), handler = writer.log("handler", "handler");
  assertEquals([proxy.enabled("debug"), proxy.enabled("trace"), handler.enabled("info")], [
    true,
    false,
    false,
  ]);
  proxy.debug("a");
  handler.info("not this");
  handler.warn("b");
  writer.setLevels(levels("info"));
  proxy.debug("not this either");
  handler.info("c");
  await writer.flush();
  assertEquals(
    pieces.join(""),
    [
      "[DEBUG] 2026-01-02 03:04:05.006 a\n",
      "[WARN] 2026-01-02 03:04:05.006 [handler] b\n",
      "[INFO] 2026-01-02 03:04:05.006 [handler] c\n",
    ].join(""),
  );
});

Deno.test("LogWriter writes the lines of one event in one piece, and passes other processes' lines on", async () => {
  const { pieces, write } = recorder();
  const writer = createLogWriter({ levels: levels("info"), format: "json", write });
  writer.line("[INFO] from a child");
  writer.line("another");
  await writer.flush();
  assertEquals(pieces, ["[INFO] from a child\nanother\n"]);
});

Deno.test("LogWriter drops and counts what a stalled reader does not take, and says so when it reads again", async () => {
  const pieces: string[] = [];
  const gates: (() => void)[] = [];
  const writer = createLogWriter({
    levels: levels("info"),
    format: "text",
    now: () => time,
    write: (bytes) => {
      pieces.push(new TextDecoder().decode(bytes));
      return new Promise((done) => gates.push(done));
    },
  });
  const log = writer.log("proxy");
  log.info("first");
  await Promise.resolve();
  const big = "x".repeat(70_000);
  const sent = Math.ceil(LOG_QUEUE_BYTES / big.length) + 5;
  for (let i = 0; i < sent; i++) log.info(big);
  const flushed = writer.flush();
  while (gates.length > 0) {
    gates.shift()?.();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
  await flushed;
  const lines = pieces.join("").trimEnd().split("\n");
  const last = lines.at(-1) ?? "";
  assertMatch(last, /^\[WARN\] .* Standard output was not read in time: log lines are dropped lines=\d+$/);
  assertEquals(lines.length - 2 + Number(last.split("=")[1]), sent, "every line is written or counted");
});

Deno.test("LogWriter goes on without a reader", async () => {
  const writer = createLogWriter({
    levels: levels("info"),
    format: "text",
    write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")),
  });
  writer.log("proxy").info("a");
  await writer.flush();
  writer.log("proxy").info("b");
  await writer.flush();
});

Deno.test("LogWriter appends to a file, and reopen() begins a new one after it was moved away", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/log`;
    await Deno.writeTextFile(file, "before\n");
    using writer = createLogWriter({ levels: levels("info"), format: "text", file });
    writer.line("one");
    await writer.flush();
    await Deno.rename(file, `${dir}/old`);
    writer.line("two");
    writer.reopen();
    writer.line("three");
    await writer.flush();
    assertEquals(await Deno.readTextFile(`${dir}/old`), "before\none\ntwo\n");
    assertEquals(await Deno.readTextFile(file), "three\n");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("LogWriter.reopen() keeps the old file where the new one cannot be opened", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${dir}/a`);
    using writer = createLogWriter({ levels: levels("info"), format: "text", file: `${dir}/a/log` });
    await Deno.rename(`${dir}/a`, `${dir}/b`);
    let thrown: unknown;
    try {
      writer.reopen();
    } catch (e) {
      thrown = e;
    }
    assert(thrown instanceof Deno.errors.NotFound);
    writer.line("still");
    await writer.flush();
    assertEquals(await Deno.readTextFile(`${dir}/b/log`), "still\n");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
