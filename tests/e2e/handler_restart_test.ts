/**
 * The handler dies in the middle of a sequence. What holds: clients stay; what it had put aside for its order is lost with
 * it; who is followed by ids misses nothing all the same, as it asks its origin when the next handler is there; others
 * miss what was put aside; what a publisher repeats is delivered once.
 */
import { assert, assertEquals } from "@std/assert";
import { GripStand, Scene } from "../helpers/grip_stand.ts";
import { pidOf } from "../helpers/process_proofs.ts";
import { isAlive } from "../helpers/processes.ts";
import { eventually } from "../helpers/wait.ts";

const ignore = Deno.build.os !== "linux";

/** Kills the handler and waits for the next one to take publishes. */
async function replaceHandler({ program }: GripStand): Promise<void> {
  const old = pidOf(program, "handler");
  const from = program.lines.length;
  Deno.kill(old, "SIGKILL");
  await eventually(() => !isAlive(old));
  await program.line(/child is back child=handler/, undefined, from);
}

/** A stream that is followed by ids, with a next link and the history behind it; and one that is not. */
class Sequence {
  readonly #s: Scene;
  newest = 0;

  constructor(s: Scene) {
    this.#s = s;
    const link = ["Grip-Link", `<${s.path("next")}>; rel=next`] as const;
    const headers = () => s.hold("stream", [`${s.channel()}; prev-id=${this.newest}`], [link]);
    s.answer("reliable", () => ({ headers: headers(), body: "first " }));
    s.answer("next", (request) => {
      const from = Number(/last-id=(\d+)/.exec(request.header("grip-last") ?? "")?.[1]);
      const body = Array.from({ length: this.newest - from }, (_, i) => `${from + i + 1} `).join("");
      return { headers: headers(), body };
    });
    s.answer("plain", { headers: s.hold("stream", [s.channel()]), body: "first " });
    s.answer("poll", (request) => {
      const last = /last-id=(\d+)/.exec(request.header("grip-last") ?? "")?.[1];
      if (last !== undefined && Number(last) < this.newest) return { body: `up to ${this.newest}` };
      const fields = s.hold("response", [`${s.channel()}; prev-id=${last ?? this.newest}`]);
      return { headers: fields, body: "nothing yet" };
    });
  }

  item(n: number) {
    this.newest = Math.max(this.newest, n);
    const ids = { id: String(n), "prev-id": String(n - 1) };
    return {
      ...ids,
      channel: this.#s.channel(),
      formats: { "http-stream": { content: `${n} ` }, "http-response": { body: `${n}` } },
    };
  }
}

Deno.test({
  name:
    "A handler that dies with parked items costs reliable clients nothing: they ask once the next one is there",
  ignore,
  fn: async () => {
    await using stand = await GripStand.start("two proxies");
    await using s = new Scene(stand, "parked");
    const sequence = new Sequence(s);
    const reliable = await s.openStreams("reliable", "first ");
    const plain = await s.openStreams("plain", "first ");
    const polls = await s.ask("poll");
    await s.held(3 * s.copies);
    await s.publish(sequence.item(1));
    for (const client of [...reliable, ...plain]) assertEquals(await client.readChunksUntil("1 "), "1 ");
    for (const client of polls) assertEquals((await client.readResponse()).text, "1");
    await Promise.all(polls.map((client) => client.request({ target: s.path("poll") })));
    await s.held(3 * s.copies);
    // 2 is part of the history; nobody ever publishes it.
    const [parked] = await s.report(sequence.item(3));
    assertEquals(parked!.status, "parked");

    const startMs = performance.now();
    await replaceHandler(stand);
    for (const client of reliable) assertEquals(await client.readChunksUntil("3 "), "2 3 ");
    for (const client of polls) assertEquals((await client.readResponse()).text, "up to 3");
    assert(performance.now() - startMs < 4000, "long before message_wait would have been over");
    const [next] = await s.report(sequence.item(4));
    assertEquals([next!.status, next!.matched], ["published", 2 * s.copies]);
    for (const client of reliable) assertEquals(await client.readChunksUntil("4 "), "4 ");
    // Who has no ids has missed what was put aside, and nothing else.
    for (const client of plain) assertEquals(await client.readChunksUntil("4 "), "4 ");
  },
});

Deno.test({
  name: "A publisher that repeats after the handler's death what had no answer is delivered once",
  ignore,
  fn: async () => {
    await using stand = await GripStand.start("two proxies");
    await using s = new Scene(stand, "again");
    const sequence = new Sequence(s);
    const plain = await s.openStreams("plain", "first ");
    const reliable = await s.openStreams("reliable", "first ");
    await s.held(2 * s.copies);
    const batch = [1, 2, 3].map((n) => sequence.item(n));
    await s.publish(...batch);
    for (const client of plain) assertEquals(await client.readChunksUntil("3 "), "1 2 3 ");
    await replaceHandler(stand);
    // As if the answer had been lost with it.
    const startMs = performance.now();
    await s.publish(...batch, sequence.item(4));
    for (const client of plain) assertEquals(await client.readChunksUntil("4 "), "4 ");
    for (const client of reliable) assertEquals(await client.readChunksUntil("4 "), "1 2 3 4 ");
    assert(performance.now() - startMs < 2000);
  },
});
