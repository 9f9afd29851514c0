/** Scenarios 14 to 17: one item once, in order, and no gap unseen. */
import { assert, assertEquals } from "@std/assert";
import type { Scenario, Scene } from "../../helpers/grip_stand.ts";

async function duplicates(s: Scene): Promise<void> {
  const [a, b] = [s.channel("a"), s.channel("b")];
  s.answer("stream", { headers: s.hold("stream", [a, b]), body: "first\n" });
  const clients = await s.openStreams("stream", "first\n");
  await s.held();
  const item = (channel: string, id: string, content: string) => ({
    channel,
    id,
    formats: { "http-stream": { content } },
  });
  const reports = await s.report(
    item(a, "1", "a1 "),
    item(a, "1", "a1 again "),
    item(b, "1", "b1 "),
  );
  assertEquals(reports.map(({ status, matched }) => [status, matched]), [
    ["published", s.copies],
    ["duplicate", 0],
    ["published", s.copies],
  ]);
  // Nobody listens there, and the id counts as seen all the same; no-seq is no way round it.
  const nobody = s.channel("nobody");
  const unheard = await s.report(item(nobody, "1", ""), { ...item(nobody, "1", ""), "no-seq": true });
  assertEquals(unheard.map(({ status }) => status), ["published", "duplicate"]);
  await s.publish(item(a, "1", "a1 again "), item(a, "2", "end\n"));
  for (const client of clients) assertEquals(await client.readChunksUntil("end\n"), "a1 b1 end\n");
}

async function outOfOrder(s: Scene): Promise<void> {
  s.answer("stream", { headers: s.hold("stream", [s.channel()]), body: "first\n" });
  const clients = await s.openStreams("stream", "first\n");
  await s.held();
  const item = (id: string, prev: string) => s.stream(`${id} `, { id, "prev-id": prev });
  await s.publish(s.stream("x ", { id: "x" }));
  const [parked] = await s.report(item("b", "a"));
  assertEquals([parked!.status, parked!.matched], ["parked", 0]);
  // Without a place in the order, or with leave to go past it.
  await s.publish({ ...s.stream("past "), "no-seq": true });
  const [released] = await s.report(item("a", "x"));
  assertEquals([released!.status, released!.matched], ["published", s.copies]);
  for (const client of clients) assertEquals(await client.readChunksUntil("b "), "x past a b ");
  // `c` never comes: `d` goes out all the same, and what follows it with it.
  await s.publish(item("e", "d"), item("d", "c"));
  const [twice] = await s.report(item("d2", "c"));
  assertEquals([twice!.status, twice!.reason], ["dropped", "same-prev-id"]);
  const startMs = performance.now();
  const texts = await Promise.all(clients.map((client) => client.readChunksUntil("e ")));
  const tookMs = performance.now() - startMs;
  assertEquals(texts, clients.map(() => "d e "));
  assert(tookMs > 4800 && tookMs < 7500, `after ${tookMs} ms`);
}

async function staleHold(s: Scene): Promise<void> {
  const channel = (i: number) => s.channel(`c${i}`);
  // Somebody listens already, so that the last ids are known.
  const all = Array.from({ length: s.copies }, (_, i) => channel(i));
  s.answer("warm", { headers: s.hold("stream", all), body: "first\n" });
  const warm = await s.openStreams("warm", "first\n", 1);
  await s.held(1);
  await s.publish(
    ...all.map((name) => ({ channel: name, id: "b", formats: { "http-stream": { content: `${name} ` } } })),
  );
  await warm[0]!.readChunksUntil(`${all.at(-1)} `);
  s.answer("poll", (request) => {
    const i = request.target.split("?")[1];
    if (request.header("grip-last") !== undefined) return { body: `fresh ${i}` };
    return { headers: s.hold("response", [`${channel(Number(i))}; prev-id=a`]), body: "nothing yet" };
  });
  const startMs = performance.now();
  await Promise.all(all.map(async (name, i) => {
    const client = await s.client();
    await client.request({
      method: "POST",
      target: `${s.path("poll")}?${i}`,
      headers: [["X-Client", "1"], ["Grip-Last", "forged; last-id=x"]],
      body: `question ${i}`,
    });
    assertEquals((await client.readResponse()).text, `fresh ${i}`);
    const asked = s.requests("poll").filter(({ target }) => target.endsWith(`?${i}`));
    assertEquals(asked.map(({ method, text }) => `${method} ${text}`), [
      `POST question ${i}`,
      `POST question ${i}`,
    ]);
    assertEquals(asked.map((request) => request.header("grip-last")), [undefined, `${name}; last-id=a`]);
    assertEquals(asked[1]!.header("x-client"), "1");
  }));
  assert(performance.now() - startMs < 2000, "asked again at once");
}

async function stubbornOrigin(s: Scene): Promise<void> {
  s.answer("warm", { headers: s.hold("stream", [s.channel()]), body: "first " });
  s.answer("poll", { headers: s.hold("response", [`${s.channel()}; prev-id=a`]), body: "nothing yet" });
  await s.openStreams("warm", "first ", 1);
  await s.held(1);
  await s.publish(s.stream("b ", { id: "b" }));
  const [client] = await s.ask("poll", 1);
  await s.requested("poll", 2);
  await s.held(2);
  // The origin has the last word: its id counts from now on, everywhere.
  const [report] = await s.report(s.response("c", { id: "c", "prev-id": "a" }));
  assertEquals([report!.status, report!.matched, report!.dropped], ["published", 1, {}]);
  assertEquals((await client!.readResponse()).text, "c");
  assertEquals(s.requests("poll").length, 2);
}

async function gapInLongPoll(s: Scene): Promise<void> {
  s.answer("poll", (request) => {
    if (request.header("grip-last") !== undefined) return { body: "2 and 3" };
    return { headers: s.hold("response", [`${s.channel()}; prev-id=1`]), body: "nothing yet" };
  });
  const clients = await s.ask("poll");
  await s.held();
  const [report] = await s.report(s.response("3", { id: "3", "prev-id": "2" }));
  assertEquals([report!.matched, report!.dropped], [s.copies, { gap: s.copies }]);
  for (const client of clients) assertEquals((await client.readResponse()).text, "2 and 3");
  const lasts = s.requests("poll").map((request) => request.header("grip-last")).filter((v) =>
    v !== undefined
  );
  assertEquals(lasts, clients.map(() => `${s.channel()}; last-id=1`));
}

async function fittingLongPoll(s: Scene): Promise<void> {
  s.answer("poll", { headers: s.hold("response", [`${s.channel()}; prev-id=1`]), body: "nothing yet" });
  const clients = await s.ask("poll");
  await s.held();
  await s.publish(s.response("2", { id: "2", "prev-id": "1" }));
  for (const client of clients) assertEquals((await client.readResponse()).text, "2");
  assertEquals(s.requests("poll").length, s.copies);
}

async function receivers(s: Scene): Promise<void> {
  s.answer("stream", { headers: s.hold("stream", [s.channel()]), body: "first\n" });
  s.answer("poll", { headers: s.hold("response", [s.channel()]), body: "nothing yet" });
  const streams = await s.openStreams("stream", "first\n");
  const polls = await s.ask("poll");
  await s.held(2 * s.copies);
  const [report] = await s.report({ ...s.stream("x "), ...{ id: "1" } });
  assertEquals([report!.matched, report!.dropped], [s.copies, {}]);
  const both = { "http-stream": { content: "y " }, "http-response": { body: "y " } };
  const [second, third] = await s.report({ channel: s.channel(), formats: both }, {
    channel: s.channel(),
    formats: { "http-response": { body: "too late" } },
  });
  assertEquals([second!.matched, third!.matched], [2 * s.copies, 0]);
  for (const client of streams) assertEquals(await client.readChunksUntil("y "), "x y ");
  for (const client of polls) assertEquals((await client.readResponse()).text, "y ");
  const line = new RegExp(`publish channel=${s.channel()} receivers=${2 * s.copies}$`);
  await s.stand.program.line(line);
  if (s.stand.form === "two proxies") assertEquals(await s.proxiesOf("stream"), 2);
}

export const ORDER: readonly Scenario[] = [
  { name: "14 duplicate: the same id is delivered once a channel", run: duplicates },
  { name: "15 out of order: an item waits for its predecessor, for 5 to 6 s", run: outOfOrder },
  { name: "16 stale hold: a long-poll behind the last id is asked again at once", run: staleHold },
  {
    name: "16a stubborn origin: the same answer again is held, and what follows it passes",
    run: stubbornOrigin,
  },
  { name: "17 gap: a long-poll is asked again where an item does not follow", run: gapInLongPoll },
  { name: "17a no gap: a long-poll takes an item that follows", run: fittingLongPoll },
  { name: "17b receivers: the report and the log count clients wherever they are", run: receivers },
];
