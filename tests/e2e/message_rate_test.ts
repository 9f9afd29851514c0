/** message_rate and message_hwm: what they hold back, and that nothing is dropped without saying so. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { GripStand, Scene } from "../helpers/grip_stand.ts";
import { programCommand } from "../helpers/program.ts";
import { eventually, pause } from "../helpers/wait.ts";

const LIMITS = { handler: { update_on_first_subscription: false, message_rate: 20, message_hwm: 5 } };

Deno.test("message_hwm tells the publisher, the log and the count what it dropped", async () => {
  await using stand = await GripStand.start("one process", LIMITS);
  await using s = new Scene(stand, "hwm");
  s.answer("stream", { headers: s.hold("stream", [s.channel()]), body: "first " });
  const [client] = await s.openStreams("stream", "first ");
  await s.held();
  const items = Array.from({ length: 20 }, (_, i) => s.stream(`${i} `, { id: String(i) }));
  const startMs = performance.now();
  const reports = await s.report(...items);
  // Waiting counts as delivered to: only what was dropped is missing.
  assertEquals(reports.map(({ status, matched }) => `${status} ${matched}`), items.map(() => "published 1"));
  const dropped = reports.flatMap((report, i) => report.dropped["message-hwm"] === 1 ? [i] : []);
  const kept = items.map((_, i) => i).filter((i) => !dropped.includes(i));
  assert(dropped.length >= 10 && kept.length >= 5, `dropped ${dropped}`);
  assertEquals(reports.flatMap((report) => Object.keys(report.dropped)), dropped.map(() => "message-hwm"));
  const last = `${kept.at(-1)} `;
  let text = "";
  while (!text.endsWith(` ${last}`)) text += await client!.readChunk();
  assertEquals(text, kept.map((i) => `${i} `).join(""));
  const tookMs = performance.now() - startMs;
  assert(tookMs > (kept.length - 2) * 50, `${kept.length} deliveries in ${tookMs} ms`);
  const lines = await eventually(() => {
    const found = stand.program.lines.filter((line) => line.includes("message_hwm reached"));
    return found.length === dropped.length && found;
  }, { what: "a line for each" });
  for (const line of lines) {
    assertMatch(line, /^\[WARN\] .* message_hwm reached, item dropped channel=hwm\.c connection=\S+$/);
  }
});

Deno.test("message_hwm costs a reliable stream nothing: what was dropped is asked for", async () => {
  await using stand = await GripStand.start("one process", LIMITS);
  await using s = new Scene(stand, "reliable");
  let newest = 0;
  const page = (from: number) => ({
    headers: s.hold("stream", [`${s.channel()}; prev-id=${newest}`], [
      ["Grip-Link", `<${s.path("next")}>; rel=next`],
    ]),
    body: Array.from({ length: newest - from }, (_, i) => `${from + i + 1} `).join(""),
  });
  s.answer("stream", () => ({ ...page(newest), body: "first " }));
  s.answer("next", (request) => page(Number(/last-id=(\d+)/.exec(request.header("grip-last") ?? "")?.[1])));
  const clients = await s.openStreams("stream", "first ", 3);
  await s.held(3);
  const items = [];
  while (newest < 40) {
    newest++;
    items.push(s.stream(`${newest} `, { id: String(newest), "prev-id": String(newest - 1) }));
  }
  const reports = await s.report(...items);
  assert(reports.some((report) => (report.dropped["message-hwm"] ?? 0) > 0));
  // One that is not dropped shows the gap to all; what waits goes out first.
  for (let shown = false; !shown;) {
    await pause(500);
    newest++;
    const ids = { "id": String(newest), "prev-id": String(newest - 1), "no-seq": true };
    const [report] = await s.report(s.stream(`${newest} `, ids));
    shown = report!.dropped["message-hwm"] === undefined;
  }
  const expected = Array.from({ length: newest }, (_, i) => `${i + 1} `).join("");
  for (const client of clients) assertEquals(await client.readChunksUntil(` ${newest} `), expected);
});

Deno.test("pushpin publish --report says what was dropped", async () => {
  await using stand = await GripStand.start("one process", LIMITS);
  await using s = new Scene(stand, "report");
  s.answer("stream", { headers: s.hold("stream", [s.channel()]), body: "first " });
  await s.openStreams("stream", "first ", 12);
  const [bin, ...words] = programCommand() as [string, ...string[]];
  const { code, stdout, stderr } = await new Deno.Command(bin, {
    args: [...words, "publish", s.channel(), "x", "--report", "--spec", stand.program.controlUrl],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  assertEquals(
    new TextDecoder().decode(stdout),
    `Published\nchannel "report.c": 12 receivers (12 streams), dropped: 6 message-hwm\n`,
  );
});
