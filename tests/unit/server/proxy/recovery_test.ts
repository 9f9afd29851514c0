import { assertEquals } from "@std/assert";
import type { Header } from "../../../../src/grip/head.ts";
import { BodyReader, HoldStand, instructAnswer, linkAnswer } from "../../../helpers/hold_stand.ts";
import { bytes } from "../../../helpers/recording_port.ts";
import { eventually, Gate, within } from "../../../helpers/wait.ts";

const POLL: Header[] = [["Grip-Hold", "response"], ["Grip-Channel", "c"]];
const STREAM: Header[] = [["Grip-Hold", "stream"], ["Grip-Channel", "c"]];
const FOLLOWED: Header[] = [["Grip-Hold", "stream"], ["Grip-Channel", "c; prev-id=a"], [
  "Grip-Link",
  "</next>; rel=next",
]];

Deno.test("SessionKeeper asks the origin again for a long-poll with a gap, and its client notices nothing", async () => {
  using stand = new HoldStand();
  stand.asker.script = () => instructAnswer([["Grip-Hold", "response"], ["Grip-Channel", "c; prev-id=b"]]);
  const held = stand.hold([["Grip-Hold", "response"], ["Grip-Channel", "c; prev-id=a"]]);
  await stand.subscribed();
  await stand.publish({ id: "c", prevId: "b", response: "not yet" });
  await eventually(() => stand.asker.asked.length === 1 && stand.metrics.get("holds", "response") === 1, {
    what: "a new hold",
  });
  await stand.publish({ id: "d", prevId: "b", response: "now" });
  assertEquals(await (await held).text(), "now");
  assertEquals(stand.asker.asked, ["retry [c; last-id=a]"]);
  assertEquals(
    [stand.metrics.get("holds_ended", "handed-back"), stand.metrics.get("holds_ended", "delivered")],
    [1, 1],
  );
});

Deno.test("SessionKeeper gives a retried client the origin's plain answer", async () => {
  using stand = new HoldStand();
  stand.asker.script = () => ({ kind: "relay", response: new Response("fresh") });
  const held = stand.hold(POLL);
  await stand.subscribed();
  await stand.publish({ response: { action: "hint" } });
  assertEquals([await (await held).text(), stand.keeper.size], ["fresh", 0]);
});

Deno.test("SessionKeeper gives a retried client our refusal, and survives an asker that throws", async () => {
  using stand = new HoldStand();
  const head = { code: 502, reason: "Bad Gateway", headers: [] };
  stand.asker.script = () => ({ kind: "refuse", head, body: bytes("sorry\n"), reason: "connect" });
  const refused = stand.hold(POLL);
  await stand.subscribed();
  await stand.publish({ response: { action: "hint" } });
  assertEquals([(await refused).status, await (await refused).text()], [502, "sorry\n"]);
  stand.asker.script = () => Promise.reject(new TypeError("bug"));
  const broken = stand.hold(POLL);
  await stand.publish({ response: { action: "hint" } });
  assertEquals([(await broken).status, stand.keeper.size], [500, 0]);
});

Deno.test("SessionKeeper turns a long-poll into a stream where the origin says so", async () => {
  using stand = new HoldStand();
  stand.asker.script = () => instructAnswer(STREAM, "stream now\n");
  const held = stand.hold(POLL);
  await stand.subscribed();
  await stand.publish({ response: { action: "hint" } });
  const body = new BodyReader(await held);
  await stand.publish({ stream: "item\n" });
  assertEquals(await body.until("item\n"), "stream now\nitem\n");
  await body.cancel();
});

Deno.test("SessionKeeper gives up a retry whose client leaves", async () => {
  using stand = new HoldStand();
  const gate = new Gate();
  stand.asker.script = async () => {
    await gate.opened;
    return { kind: "relay", response: new Response("late") };
  };
  const client = new AbortController();
  const held = stand.hold(POLL, "", { signal: client.signal });
  await stand.subscribed();
  await stand.publish({ response: { action: "hint" } });
  await eventually(() => stand.asker.asked.length === 1, { what: "a retry" });
  client.abort();
  assertEquals([(await held).status, stand.asker.signals[0]!.aborted, stand.keeper.size], [499, true, 0]);
  gate.open();
});

Deno.test("SessionKeeper closes a stream's gap by its next link, each item once and in order", async () => {
  using stand = new HoldStand();
  stand.asker.script = () =>
    linkAnswer(
      [["Grip-Hold", "stream"], ["Grip-Channel", "c; prev-id=c"], ["Grip-Link", "<?x>; rel=next"]],
      "b c ",
      "http://example.com/next",
    );
  const body = new BodyReader(await stand.hold(FOLLOWED, "a "));
  await stand.subscribed();
  await stand.publish({ id: "c", prevId: "b", stream: "c " });
  assertEquals(await body.until("c "), "a b c ");
  await stand.publish({ id: "d", prevId: "c", stream: "d " });
  assertEquals(await body.until("d "), "a b c d ");
  assertEquals(stand.asker.asked, ["GET http://example.com/next [c; last-id=a]"]);
  await stand.publish({ stream: { action: "hint" } });
  await eventually(() => stand.asker.asked.length === 2, { what: "a second fetch" });
  assertEquals(stand.asker.asked[1], "GET http://example.com/next?x [c; last-id=d]");
  await body.cancel();
});

Deno.test("SessionKeeper asks once for sessions with the same question, and each reads the whole answer", async () => {
  using stand = new HoldStand();
  stand.asker.script = () => linkAnswer([], "all of it", "http://example.com/next");
  const bodies = await Promise.all(
    Array.from({ length: 30 }, async () => new BodyReader(await stand.hold(FOLLOWED))),
  );
  await stand.subscribed();
  await stand.publish({ stream: { action: "hint" } });
  const texts = await within(Promise.all(bodies.map((body) => body.end())), "all bodies");
  assertEquals(new Set(texts), new Set(["all of it"]));
  assertEquals(stand.asker.asked, ["GET http://example.com/next [c; last-id=a]"]);
});

Deno.test("SessionKeeper does not share answers between links that differ in their query", async () => {
  using stand = new HoldStand();
  stand.asker.script = (asked) => linkAnswer([], asked, "http://example.com/");
  const hold = (user: string) =>
    stand.hold([["Grip-Link", `</next?user=${user}>; rel=next`]]).then((r) => r.text());
  assertEquals(await Promise.all([hold("1"), hold("2")]), [
    "GET http://example.com/next?user=1",
    "GET http://example.com/next?user=2",
  ]);
});

Deno.test("SessionKeeper puts pages together without a hold", async () => {
  using stand = new HoldStand();
  stand.asker.script = (asked) =>
    asked.endsWith("/2")
      ? linkAnswer([["Grip-Link", "<3>; rel=next"]], "two ", "http://example.com/pages/2")
      : linkAnswer([], "three", "http://example.com/pages/3");
  const response = await stand.hold([["Grip-Link", "</pages/2>; rel=next"]], "one ");
  assertEquals(await response.text(), "one two three");
  assertEquals(stand.asker.asked, ["GET http://example.com/pages/2", "GET http://example.com/pages/3"]);
});

Deno.test("SessionKeeper refuses links that are neither http nor https", async () => {
  using stand = new HoldStand();
  const response = await stand.hold([["Grip-Link", "<file:///etc/passwd>; rel=next"]], "one ");
  const body = new BodyReader(response);
  await body.until("one ");
  assertEquals(stand.asker.asked, []);
  await body.cancel();
});

Deno.test("SessionKeeper gives next links' bodies the client's pace", async () => {
  using stand = new HoldStand();
  let pulled = 0;
  stand.asker.script = () => ({
    head: { code: 200, reason: "", headers: [] },
    uri: "http://example.com/next",
    body: new ReadableStream<Uint8Array>({
      pull(controller) {
        if (++pulled > 1000) controller.close();
        else controller.enqueue(new Uint8Array(10_000));
      },
    }, { highWaterMark: 0 }),
  });
  const body = new BodyReader(await stand.hold([["Grip-Link", "</next>; rel=next"]]));
  await eventually(() => pulled > 5, { what: "reading ahead" });
  assertEquals(pulled < 20, true, `${pulled} pieces were read ahead`);
  assertEquals((await body.end()).length, 10_000_000);
});

Deno.test("SessionKeeper has every session ask again on recover", async () => {
  using stand = new HoldStand();
  stand.asker.script = () => ({ kind: "relay", response: new Response("recovered") });
  const polls = Array.from({ length: 3 }, () => stand.hold(POLL));
  await stand.subscribed();
  stand.handler.recover();
  assertEquals(await Promise.all(polls.map(async (p) => (await p).text())), Array(3).fill("recovered"));
});

Deno.test("SessionKeeper asks again a second after a channel's first subscription, once", async () => {
  using stand = new HoldStand({ handler: { updateOnFirstSubscription: true } });
  stand.asker.script = () => instructAnswer(POLL, "");
  const held = stand.hold(POLL);
  await eventually(() => stand.asker.asked.length === 1, { what: "the first subscription's update" });
  await eventually(() => stand.metrics.get("holds", "response") === 1, { what: "the new hold" });
  await stand.publish({ response: "x" });
  assertEquals([await (await held).text(), stand.asker.asked.length], ["x", 1]);
});

Deno.test("SessionKeeper asks again and again while the origin's answer conflicts with what is published", async () => {
  using stand = new HoldStand();
  const poll = (id: string): Header[] => [["Grip-Hold", "response"], ["Grip-Channel", `c; prev-id=${id}`]];
  const gate = new Gate();
  stand.asker.script = async () => {
    if (stand.asker.asked.length > 1) return { kind: "relay", response: new Response("at last") };
    await gate.opened;
    return instructAnswer(poll("b"));
  };
  const held = stand.hold(poll("a"));
  await stand.subscribed();
  await stand.publish({ id: "c", prevId: "b", response: "gap" });
  await eventually(() => stand.asker.asked.length === 1, { what: "a first retry" });
  // Published while the origin answers: its answer is old when it comes.
  await stand.publish({ id: "d", prevId: "c", response: "missed" });
  gate.open();
  assertEquals(await (await held).text(), "at last");
  assertEquals(stand.asker.asked, ["retry [c; last-id=a]", "retry [c; last-id=b]"]);
});
