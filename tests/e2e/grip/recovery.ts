/** Scenarios 18 to 22: next links, what makes a hold ask again, and when. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { RawHeader } from "../../helpers/http_message.ts";
import type { OriginAnswer, RecordedRequest } from "../../helpers/scripted_origin.ts";
import { eventually, Gate, pause } from "../../helpers/wait.ts";
import type { Scenario, Scene } from "../../helpers/grip_stand.ts";

function next(s: Scene, path = "next", more = ""): RawHeader {
  return ["Grip-Link", `<${s.path(path)}>; rel=next${more}`];
}

/** A page of a history whose items are numbers, from where Grip-Last says the client is. */
function page(s: Scene, history: () => readonly number[]): OriginAnswer {
  return (request) => {
    const [, last = "0"] = /last-id=(\d+)/.exec(request.header("grip-last") ?? "") ?? [];
    const newer = history().filter((n) => n > Number(last));
    return {
      headers: [...s.hold("stream", [`${s.channel()}; prev-id=${newer.at(-1) ?? last}`]), next(s)],
      body: newer.map((n) => `${n} `).join(""),
    };
  };
}

function numbered(s: Scene, n: number, more: Readonly<Record<string, unknown>> = {}) {
  return s.stream(`${n} `, { id: String(n), "prev-id": String(n - 1), ...more });
}

const PAST_THE_SEQUENCER = { "no-seq": true };

async function gapInStream(s: Scene): Promise<void> {
  let history = [0];
  const gate = new Gate();
  s.answer("stream", {
    headers: [...s.hold("stream", [`${s.channel()}; prev-id=0`]), next(s)],
    body: "first 0 ",
  });
  const pageOf = page(s, () => history) as (request: RecordedRequest) => Promise<object>;
  s.answer("next", async (request) => ({ ...await pageOf(request), before: gate }));
  const clients = await s.openStreams("stream", "first 0 ");
  await s.held();
  await s.publish(numbered(s, 1));
  history = [0, 1, 2, 3];
  const [gap] = await s.report(numbered(s, 3, PAST_THE_SEQUENCER));
  assertEquals([gap!.matched, gap!.dropped], [s.copies, { gap: s.copies }]);
  // One question a proxy, as all its clients ask the same at the same moment.
  const asked = await s.requested("next", await s.proxiesOf("stream"));
  assertEquals(asked.map((r) => [r.method, r.header("grip-last")]), [
    ...asked.map(() => ["GET", `${s.channel()}; last-id=1`]),
  ]);
  assert(asked[0]!.header("grip-sig") !== undefined);
  // While the origin thinks: one that its answer has already, one that follows the answer.
  const [old, fresh] = await s.report(numbered(s, 2, PAST_THE_SEQUENCER), numbered(s, 4, PAST_THE_SEQUENCER));
  assertEquals([old!.dropped, fresh!.dropped], [{}, {}]);
  gate.open();
  for (const client of clients) assertEquals(await client.readChunksUntil("4 "), "1 2 3 4 ");
  await s.publish(numbered(s, 5));
  for (const client of clients) assertEquals(await client.readChunksUntil("5 "), "5 ");
  await pause(400); // a question too many would be asked after a tenth of a second
  assertEquals(s.requests("next").length, asked.length);
}

async function pages(s: Scene): Promise<void> {
  s.answer("page1", {
    headers: [["Grip-Link", `<${s.path("sub/page2")}?x>; rel=next`], ["X-A", "1"], ["Grip-Status", "203 So"]],
    body: "one ",
  });
  // Relative to the link it came by, not to the client's request.
  s.answer("sub/page2", { headers: [["Grip-Link", "<page3>; rel=next"]], chunks: ["two ", "and "] });
  s.answer("sub/page3", { status: 201, headers: [["X-A", "3"]], body: "three" });
  for (const client of await s.ask("page1")) {
    const answer = await client.readResponse();
    assertEquals([answer.status, answer.text, answer.framing], [203, "one two and three", "chunked"]);
    assertEquals(answer.headers.filter(([name]) => /^(x-a|grip-.*)$/i.test(name)).map(([, v]) => v), ["1"]);
    assertEquals((await client.exchange(s.path("plain"))).status, 200);
  }
  assertEquals(s.requests("sub/page2")[0]!.target, `${s.path("sub/page2")}?x`);
}

async function failingNext(s: Scene): Promise<void> {
  const times: number[] = [];
  const link = (path: string): readonly RawHeader[] => [next(s, path)];
  s.answer("broken", { headers: link("never"), body: "one " });
  s.answer("never", () => {
    times.push(performance.now());
    return { status: 500, body: "oh no" };
  });
  s.answer("shaky", { headers: link("later"), body: "one " });
  s.answer("later", { body: "two" });
  s.answer("later", { status: 503, body: "oh no" }, { times: 1 });
  s.answer("cut", { headers: link("half"), body: "one " });
  s.answer("half", { chunks: ["two "], truncate: true });
  const [broken, shaky, cut] = (await Promise.all(["broken", "shaky", "cut"].map((name) => s.ask(name, 1))))
    .map(([client]) => client!);
  // What went out cannot be taken back: a body that breaks off ends the stream, and it does not look whole.
  const { text } = await cut!.readToEnd();
  assertMatch(text, /one [^]*two /);
  assert(!text.endsWith("0\r\n\r\n"), "not a clean end");
  assertEquals(s.requests("half").length, 1);
  assertEquals((await shaky!.readResponse()).text, "one two");
  const { text: all } = await broken!.readToEnd(60_000);
  assert(!all.endsWith("0\r\n\r\n") && !all.includes("oh no"), all);
  const waits = times.slice(1).map((ms, i) => Math.floor((ms - times[i]!) / 100) / 10);
  assertEquals(waits.length, 5);
  for (const [n, seconds] of waits.entries()) {
    assert(seconds >= 2 ** n && seconds < 2 ** n + 1.5, `waited ${waits} s`);
  }
}

async function hintAndRecover(s: Scene): Promise<void> {
  let history = [0];
  s.answer("stream", {
    headers: [...s.hold("stream", [`${s.channel()}; prev-id=0`]), next(s)],
    body: "first 0 ",
  });
  s.answer("next", page(s, () => history));
  s.answer("poll", (request) => {
    if (request.header("grip-last") !== undefined) return { body: `newest ${history.at(-1)}` };
    return { headers: s.hold("response", [`${s.channel()}; prev-id=0`]), body: "nothing yet" };
  });
  const streams = await s.openStreams("stream", "first 0 ");
  const polls = await s.ask("poll");
  await s.held(2 * s.copies);
  history = [0, 1];
  const startMs = performance.now();
  const hint = { action: "hint" };
  await s.publish({ channel: s.channel(), formats: { "http-stream": hint, "http-response": hint } });
  for (const client of streams) assertEquals(await client.readChunksUntil("1 "), "1 ");
  for (const client of polls) assertEquals((await client.readResponse()).text, "newest 1");
  assert(performance.now() - startMs < 1500, "at once");

  await Promise.all(polls.map((client) => client.request({ target: s.path("poll") })));
  await s.held(2 * s.copies);
  history = [0, 1, 2];
  const recovered = await fetch(`${s.stand.program.controlUrl}/recover`, { method: "POST" });
  assertEquals([recovered.status, await recovered.text()], [200, "Updated\n"]);
  for (const client of streams) assertEquals(await client.readChunksUntil("2 "), "2 ");
  for (const client of polls) assertEquals((await client.readResponse()).text, "newest 2");
  await s.held();
  await s.publish(numbered(s, 3));
  for (const client of streams) assertEquals(await client.readChunksUntil("3 "), "3 ");
}

async function dueNext(s: Scene): Promise<void> {
  let history = [0];
  const answer: OriginAnswer = (request) => {
    const [, last = "0"] = /last-id=(\d+)/.exec(request.header("grip-last") ?? "") ?? [];
    const newer = history.filter((n) => n > Number(last)).map((n) => `${n} `).join("");
    return {
      headers: [
        ...s.hold("stream", [`${s.channel()}; prev-id=${history.at(-1)}`]),
        next(s, "next", "; timeout=1"),
      ],
      body: request.target.includes("next") ? newer : "first 0 ",
    };
  };
  s.answer("stream", answer);
  s.answer("next", answer);
  const clients = await s.openStreams("stream", "first 0 ");
  await s.held();
  history = [0, 1];
  // Nobody publishes it: the link's time brings it.
  for (const client of clients) assertEquals(await client.readChunksUntil("1 "), "1 ");
  await eventually(async () => s.requests("next").length >= 2 * await s.proxiesOf("stream"), {
    what: "asked again",
  });
}

async function goneLink(s: Scene): Promise<void> {
  const gone: RawHeader = ["Grip-Link", `<${s.path("gone")}?id=1>; rel=gone`];
  s.answer("poll", { headers: [...s.hold("response", [s.channel()]), gone], body: "nothing yet" });
  s.answer("stream", { headers: [...s.hold("stream", [s.channel()]), gone], body: "first " });
  s.answer("gone", { status: 204 });
  await s.ask("poll");
  const streams = await s.openStreams("stream", "first ");
  await s.held(2 * s.copies);
  await s.publish(s.response("news"));
  const first = await s.requested("gone", s.copies);
  assertEquals(new Set(first.map((r) => `${r.method} ${r.target} ${r.text}`)).size, 1);
  assertEquals([first[0]!.method, first[0]!.target, first[0]!.text], ["POST", `${s.path("gone")}?id=1`, ""]);
  await Promise.all(streams.map((client) => client.close()));
  await s.requested("gone", 2 * s.copies);
}

async function firstSubscription(s: Scene): Promise<void> {
  const times: number[] = [];
  s.answer("poll", () => {
    times.push(performance.now());
    return { headers: s.hold("response", [s.channel()]), body: "nothing yet" };
  });
  s.answer("stream", { headers: s.hold("stream", [s.channel("other")]), body: "first " });
  await s.openStreams("stream", "first ", 1);
  const [client] = await s.ask("poll", 1);
  await s.requested("poll", 2);
  const tookMs = times[1]! - times[0]!;
  assert(tookMs > 950 && tookMs < 2500, `the second request came after ${tookMs} ms`);
  await s.held(2);
  await s.publish(s.response("news"));
  assertEquals((await client!.readResponse()).text, "news");
  // Somebody left it within the linger, so the channel is not cold, whichever proxy the next ones come to.
  await s.ask("poll");
  await s.held(s.copies + 1);
  await pause(1500);
  assertEquals(s.requests("poll").length, 2 + s.copies);
  assertEquals(s.requests("stream").length, 1);
}

export const RECOVERY: readonly Scenario[] = [
  { name: "18 gap in a stream: the next link is asked, what came meanwhile is fitted in", run: gapInStream },
  { name: "18a quiet stream: the next link is asked when it is due", run: dueNext },
  { name: "18b gone link: told when a session is over", run: goneLink },
  { name: "19 pages: next links without a hold make one body", run: pages },
  {
    name: "20 failing next link: asked again five times, ever later; then the stream is cut",
    run: failingNext,
  },
];

/** Every session of the program is to recover: not beside others. */
export const HINT_AND_RECOVER: Scenario = {
  name: "21 hint and recover: holds ask again at once, and all of them",
  run: hintAndRecover,
};

/** For a program with the settings as shipped. */
export const FIRST_SUBSCRIPTION: Scenario = {
  name: "22 first subscription: asked again after a second, once, and not while the channel lingers",
  run: firstSubscription,
};
