/** Scenarios 6 to 13: long-polls and streams by themselves. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { headerOf, type RawHeader } from "../../helpers/http_message.ts";
import { eventually, pause } from "../../helpers/wait.ts";
import type { Scenario, Scene } from "../../helpers/grip_stand.ts";

const BAD_GATEWAY = "Error while proxying to origin.\n";
const INSTRUCT: RawHeader = ["Content-Type", "application/grip-instruct"];

function noGripFields(headers: readonly RawHeader[]): void {
  assertEquals(headers.filter(([name]) => /^grip-/i.test(name)), []);
}

async function longPoll(s: Scene): Promise<void> {
  s.answer("poll", {
    headers: [...s.hold("response", [s.channel()]), ["Content-Type", "text/x-held"], ["X-Held", "1"]],
    body: "nothing yet",
  });
  s.answer("plain", { body: "plain" });
  const clients = await s.ask("poll");
  await s.held();
  await s.publish({
    channel: s.channel(),
    formats: { "http-response": { code: 201, headers: { "X-Published": "2" }, body: "news" } },
  });
  for (const client of clients) {
    const answer = await client.readResponse();
    assertEquals([answer.status, answer.text], [201, "news"]);
    assertEquals(headerOf(answer, "content-type"), "text/x-held");
    assertEquals([headerOf(answer, "x-held"), headerOf(answer, "x-published")], ["1", "2"]);
    noGripFields(answer.headers);
    assertEquals((await client.exchange(s.path("plain"))).text, "plain");
  }
  assertEquals(s.requests("poll").length, s.copies);
}

async function timeout(s: Scene): Promise<void> {
  s.answer("poll", {
    headers: [...s.hold("response", [s.channel()]), ["Grip-Timeout", "5"], [
      "Grip-Status",
      "202 Nothing new",
    ]],
    body: "nothing yet",
  });
  const startMs = performance.now();
  const [client] = await s.ask("poll", 1);
  const answer = await client!.readResponse({ deadlineMs: 12_000 });
  const tookMs = performance.now() - startMs;
  assertEquals([answer.status, answer.text], [202, "nothing yet"]);
  noGripFields(answer.headers);
  assert(tookMs >= 4900 && tookMs < 8000, `after ${tookMs} ms`);
}

async function instructForms(s: Scene): Promise<void> {
  const channels = [s.channel(), s.probe];
  s.answer("fields", {
    headers: [["X-A", "1"], ...s.hold("response", [s.channel()]), ["Content-Type", "text/plain"]],
    body: "b",
  });
  const instruct = {
    hold: { mode: "response", channels: channels.map((name) => ({ name })) },
    response: { headers: { "X-A": "1", "Content-Type": "text/plain" }, body: "b" },
  };
  s.answer("json", { headers: [INSTRUCT, ["X-Origin", "dropped"]], body: JSON.stringify(instruct) });
  const clients = [...await s.ask("fields"), ...await s.ask("json")];
  await s.held(clients.length);
  await s.publish(s.response("same"));
  const answers = await Promise.all(clients.map((client) => client.readResponse()));
  const seen = answers.map(({ status, text, headers }) =>
    [
      status,
      text,
      ...headers.filter(([name]) => /^(x-|content-type)/i.test(name)).map((field) => field.join()).toSorted(),
    ].join("|").toLowerCase()
  );
  assertEquals(new Set(seen), new Set(["200|same|content-type,text/plain|x-a,1"]));
  const invalid: readonly [RawHeader, string][] = [
    [INSTRUCT, "{nope"],
    [INSTRUCT, "[]"],
    [INSTRUCT, JSON.stringify({ hold: {} })],
    [INSTRUCT, JSON.stringify({ hold: { mode: "none", channels: [] } })],
    [["Grip-Hold", "none"], "b"],
    [["Grip-Timeout", "soon"], "b"],
  ];
  for (const [i, [field, body]] of invalid.entries()) {
    s.answer(`invalid${i}`, { headers: [field], body });
    const client = await s.client();
    const answer = await client.exchange(s.path(`invalid${i}`));
    assertEquals([answer.status, answer.text], [502, BAD_GATEWAY], body);
  }
}

async function bodyPatch(s: Scene): Promise<void> {
  s.answer("poll", {
    headers: [...s.hold("response", [s.channel()]), ["Content-Type", "application/json"]],
    body: '{"time": 1, "list": ["a"]}\n',
  });
  const clients = await s.ask("poll");
  await s.held();
  const patch = [
    { op: "replace", path: "/time", value: 2 },
    { op: "add", path: "/list/-", value: "b" },
  ];
  await s.publish({ channel: s.channel(), formats: { "http-response": { "body-patch": patch } } });
  for (const client of clients) {
    const answer = await client.readResponse();
    assertEquals(answer.text, '{"list":["a","b"],"time":2}\n');
    assertEquals(headerOf(answer, "content-type"), "application/json");
  }
}

async function stream(s: Scene): Promise<void> {
  s.answer("stream", {
    headers: s.hold("stream", [s.channel()], [["Grip-Keep-Alive", "alive\\n; format=cstring; timeout=2"]]),
    body: "first\n",
  });
  const clients = await s.openStreams("stream", "first\n");
  await s.held();
  await s.publish(s.stream("one\n"));
  for (const client of clients) {
    assertMatch(await client.readChunksUntil("one\n"), /^(alive\n)*one\n$/);
    await client.readChunksUntil("alive\n");
  }
  await s.publish(s.stream("two\n"));
  await s.publish({ channel: s.channel(), formats: { "http-stream": { action: "close" } } });
  for (const client of clients) {
    let rest = "";
    for (let chunk = await client.readChunk(); chunk !== undefined; chunk = await client.readChunk()) {
      rest += chunk;
    }
    assertMatch(rest, /^(alive\n)*two\n(alive\n)*$/);
    // The body ended with its last chunk: the connection is still good.
    assertEquals((await client.exchange(s.path("plain"))).status, 200);
  }
}

async function keepAlives(s: Scene): Promise<void> {
  const forms: Readonly<Record<string, readonly [field: string, data: string]>> = {
    raw: ["still here; timeout=2", "still here"],
    cstring: ["a\\x41\\r\\n; format=cstring; timeout=2; mode=idle", "aA\r\n"],
    base64: ["bGlmZQ==; format=base64; timeout=2", "life"],
    interval: ["tick; timeout=2; mode=interval", "tick"],
  };
  for (const [name, [field]] of Object.entries(forms)) {
    s.answer(`stream-${name}`, {
      headers: s.hold("stream", [s.channel()], [["Grip-Keep-Alive", field]]),
      body: "first\n",
    });
  }
  const open = await Promise.all(
    Object.entries(forms).map(async ([name, [, data]]) => {
      const [client] = await s.openStreams(`stream-${name}`, "first\n", 1);
      return { name, data, client: client! };
    }),
  );
  await s.held(open.length);
  // Items every tenth of a second: they keep the idle ones quiet and leave the interval one alone.
  let publishing = true;
  const publisher = (async () => {
    while (publishing) {
      await s.publish(s.stream("."));
      await pause(100);
    }
  })();
  try {
    const interval = open.find(({ name }) => name === "interval")!;
    for (let i = 0; i < 2; i++) await interval.client.readChunksUntil("tick");
  } finally {
    publishing = false;
    await publisher;
  }
  await s.publish(s.stream("end"));
  for (const { name, data, client } of open) {
    const during = await client.readChunksUntil("end");
    if (name !== "interval") assertMatch(during, /^\.+end$/);
    assertEquals(await client.readChunksUntil(data), data, name);
  }
}

async function severalChannels(s: Scene): Promise<void> {
  const [a, b, c] = ["a", "b", "c"].map((name) => s.channel(name)) as [string, string, string];
  const repeated: readonly RawHeader[] = [["Grip-Channel", `${a}, ${b}`], ["Grip-Channel", c]];
  s.answer("poll", { headers: [...s.hold("response", []), ...repeated], body: "nothing yet" });
  s.answer("stream", { headers: [...s.hold("stream", []), ...repeated], body: "first\n" });
  const polls = await s.ask("poll");
  const streams = await s.openStreams("stream", "first\n");
  await s.held(2 * s.copies);
  const item = (channel: string, text: string) => ({
    channel,
    formats: { "http-stream": { content: text }, "http-response": { body: text } },
  });
  await s.publish(item(b, "from b\n"), item(a, "from a\n"), item(c, "from c\n"));
  for (const client of polls) {
    assertEquals((await client.readResponse()).text, "from b\n");
    assertEquals((await client.exchange(s.path("plain"))).status, 200);
  }
  for (const client of streams) {
    assertEquals(await client.readChunksUntil("from c\n"), "from b\nfrom a\nfrom c\n");
  }
}

async function tooManyChannels(s: Scene): Promise<void> {
  const channels = Array.from({ length: 21 }, (_, i) => s.channel(String(i + 1)));
  s.answer("stream", {
    headers: [["Grip-Hold", "stream"], ["Grip-Channel", channels.join(", ")]],
    body: "first\n",
  });
  const clients = await s.openStreams("stream", "first\n");
  const item = (channel: string, content: string) => ({ channel, formats: { "http-stream": { content } } });
  await eventually(async () => {
    const [report] = await s.report(item(channels[19]!, "20;"));
    return report!.matched === s.copies;
  }, { what: "all subscribed to the twentieth channel" });
  const [over, last] = await s.report(item(channels[20]!, "21;"), item(channels[0]!, "end;"));
  assertEquals([over!.matched, last!.matched], [0, s.copies]);
  for (const client of clients) assertMatch(await client.readChunksUntil("end;"), /^(20;)+end;$/);
}

export const HOLDS: readonly Scenario[] = [
  { name: "6 long-poll: the published body, with what it inherits from the held response", run: longPoll },
  { name: "7 long-poll timeout: the original body after 5 s, with Grip-Status", run: timeout },
  { name: "8 instruct body: means the same as fields do; an invalid one is a 502", run: instructForms },
  { name: "9 body-patch: changes the held JSON", run: bodyPatch },
  { name: "10 stream: items as they come, keep-alives between, a clean end on close", run: stream },
  { name: "11 keep-alive: raw, cstring and base64, idle and interval", run: keepAlives },
  { name: "12 several channels: one item for a long-poll, all for a stream", run: severalChannels },
  { name: "13 limit of channels: the 21st is not subscribed to", run: tooManyChannels },
];
