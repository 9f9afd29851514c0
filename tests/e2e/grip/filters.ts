/** Scenario 23: what is delivered to whom, and what it reads like there. */
import { assertEquals } from "@std/assert";
import type { RawHeader } from "../../helpers/http_message.ts";
import type { RawClient } from "../../helpers/raw_client.ts";
import type { Scenario, Scene } from "../../helpers/grip_stand.ts";

/** One stream with these filters and this meta. */
async function open(s: Scene, name: string, channels: readonly string[], meta: string): Promise<RawClient> {
  const fields: readonly RawHeader[] = meta === "" ? [] : [["Grip-Set-Meta", meta]];
  s.answer(`stream-${name}`, { headers: s.hold("stream", channels, fields), body: "first " });
  const [client] = await s.openStreams(`stream-${name}`, "first ", 1);
  return client!;
}

/** What each gets until an item for all. */
async function texts(s: Scene, clients: readonly RawClient[], end: Readonly<Record<string, unknown>> = {}) {
  await s.publish(s.stream("end\n", end));
  return await Promise.all(clients.map((client) => client.readChunksUntil("end\n")));
}

async function whoGetsIt(s: Scene): Promise<void> {
  const c = s.channel();
  const clients = [
    await open(s, "alice", [`${c}; filter=skip-self`], 'user="alice"'),
    await open(s, "bob", [`${c}; filter=skip-self; filter=skip-users`], "user=bob"),
    await open(s, "carol", [`${c}; filter=skip-users`], "user=carol"),
    await open(s, "anyone", [`${c}; filter=skip-self; filter=skip-users; filter=no-such`], ""),
    await open(s, "member", [`${c}; filter=require-sub`, s.channel("club")], ""),
    await open(s, "outsider", [`${c}; filter=require-sub`], ""),
  ];
  await s.held(clients.length);
  const reports = await s.report(
    s.stream("1 ", { meta: { sender: "alice" } }),
    s.stream("2 ", { meta: { skip_users: "carol , bob" } }),
    s.stream("3 ", { meta: { require_sub: s.channel("club") } }),
  );
  assertEquals(reports.map(({ matched, dropped }) => [matched, dropped]), [
    [6, { filter: 1 }],
    [6, { filter: 2 }],
    [6, { filter: 1 }],
  ]);
  assertEquals(await texts(s, clients), [
    "2 3 end\n",
    "1 3 end\n",
    "1 3 end\n",
    "1 2 3 end\n",
    "1 2 3 end\n",
    "1 2 end\n",
  ]);
}

async function whatItReads(s: Scene): Promise<void> {
  const c = s.channel();
  const clients = [
    await open(s, "alice", [`${c}; filter=var-subst`], 'user=alice, full="Alice A."'),
    await open(s, "bob", [`${c}; filter=var-subst`], 'user=bob, full="Bob B."'),
    await open(s, "plain", [c], ""),
  ];
  await s.held(3);
  const hello = { "http-stream": { content: "100%% for %(full)s ", "content-filters": ["var-subst"] } };
  const [report] = await s.report({ channel: c, formats: hello });
  // The plain one would show a template to people.
  assertEquals([report!.matched, report!.dropped], [3, { "content-filters": 1 }]);
  assertEquals(await texts(s, clients), [
    "100% for Alice A. end\n",
    "100% for Bob B. end\n",
    "end\n",
  ]);
}

async function ids(s: Scene): Promise<void> {
  const [a, b] = [s.channel("a"), s.channel("b")];
  const link: RawHeader = ["Grip-Link", `<${s.path("next")}>; rel=next`];
  const filtered = [`${a}; prev-id=1; filter=build-id`, `${b}; prev-id=7; filter=build-id`];
  const format = `"%(${a})s-%(${b})s"`;
  const headers = (meta: string) => [...s.hold("stream", filtered, [["Grip-Set-Meta", meta]]), link];
  s.answer("plain", { headers: headers(`id_format=${format}`), body: "id: %(first)I 50%%\n" });
  s.answer("hex", { headers: headers(`id_format=${format}, id_encoding=hex`), body: "id: %(1-7)I 50%%\n" });
  s.answer("first", {
    headers: headers(`id_format=${format}`).filter(([name]) => !/hold|link/i.test(name)),
    body: "id: %(now)I\n",
  });
  assertEquals((await (await s.client()).exchange(s.path("first"))).text, "id: now\n");
  const [plain] = await s.openStreams("plain", "id: first 50%\n", 1);
  const [hex] = await s.openStreams("hex", "id: 312d37 50%\n", 1);
  await s.held(2);
  const item = (channel: string, id: string, prev: string) => ({
    channel,
    id,
    "prev-id": prev,
    formats: { "http-stream": { content: "id: %I %(x)I\n", "content-filters": ["build-id"] } },
  });
  await s.publish(item(a, "2", "1"), item(b, "8", "7"), item(a, "3", "2"));
  // The id of the item that is being sent counts as the client's already.
  assertEquals(await plain!.readChunksUntil("3-8 x\n"), "id: 2-7 x\nid: 2-8 x\nid: 3-8 x\n");
  assertEquals(
    await hex!.readChunksUntil("332d38 78\n"),
    "id: 322d37 78\nid: 322d38 78\nid: 332d38 78\n",
  );
}

async function sixFilters(s: Scene): Promise<void> {
  const filters = (count: number) => "; filter=skip-self".repeat(count);
  s.answer("six", { headers: s.hold("stream", [s.channel() + filters(6)]), body: "first " });
  s.answer("json", {
    headers: [["Content-Type", "application/grip-instruct"]],
    body: JSON.stringify({
      hold: { mode: "stream", channels: [{ name: s.channel(), filters: Array(6).fill("skip-self") }] },
    }),
  });
  for (const name of ["six", "json"]) {
    const answer = await (await s.client()).exchange(s.path(name));
    assertEquals([answer.status, answer.text], [502, "Error while proxying to origin.\n"], name);
  }
  s.answer("five", { headers: s.hold("stream", [s.channel() + filters(5)]), body: "first " });
  await s.openStreams("five", "first ", 1);
}

async function longPolls(s: Scene): Promise<void> {
  const c = s.channel();
  for (const user of ["alice", "bob"]) {
    s.answer(`poll-${user}`, {
      headers: s.hold("response", [`${c}; filter=skip-self; filter=var-subst`], [[
        "Grip-Set-Meta",
        `user=${user}`,
      ]]),
      body: "nothing yet",
    });
  }
  const [alice] = await s.ask("poll-alice", 1);
  const [bob] = await s.ask("poll-bob", 1);
  await s.held(2);
  const [report] = await s.report(s.response("to %(user)s", { meta: { sender: "alice" } }));
  assertEquals([report!.matched, report!.dropped], [2, { filter: 1 }]);
  assertEquals((await bob!.readResponse()).text, "to bob");
  // A directive that means nothing: not delivered, told, and the client goes on waiting.
  const [failed] = await s.report(s.response("to %(nobody)s"));
  assertEquals([failed!.matched, failed!.dropped], [1, { "filter-failed": 1 }]);
  await s.publish(s.response("also to %(user)s"));
  assertEquals((await alice!.readResponse()).text, "also to alice");
}

export const FILTERS: readonly Scenario[] = [
  { name: "23 filters: skip-self, skip-users and require-sub decide who gets an item", run: whoGetsIt },
  { name: "23a filters: var-subst, and content-filters that must fit", run: whatItReads },
  { name: "23b filters: build-id in bodies and items", run: ids },
  { name: "23c filters: six are rejected", run: sixFilters },
  { name: "23d filters: of long-polls, and what a failing one leaves", run: longPolls },
];
