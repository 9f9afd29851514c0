/**
 * What django-eventstream, the most demanding client there is, asks of the program: filters, templates of ids, reliable
 * streams, users that are thrown out. Its answers and publishes are recorded requests: see the helper.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  eventItem,
  EventStreamView,
  kickItems,
  pubcontrol,
  type PubcontrolItem,
  sseEvent,
} from "../helpers/django_eventstream.ts";
import { Program } from "../helpers/program.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";

const OPEN = "event: stream-open\ndata:\n\n";
const KEEP_ALIVE = "event: keep-alive\ndata:\n\n";

/** A browser's stream; text that came too early for one question is there for the next. */
class Stream {
  readonly #client: RawClient;
  #text = "";

  constructor(client: RawClient) {
    this.#client = client;
  }

  /** All text up to and including `mark`. */
  async until(mark: string): Promise<string> {
    if (!this.#text.includes(mark)) this.#text += await this.#client.readChunksUntil(mark);
    const end = this.#text.indexOf(mark) + mark.length;
    const text = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    return text;
  }

  /** True where it is over, in good order. */
  async ended(): Promise<boolean> {
    return this.#text === "" && await this.#client.readChunk() === undefined;
  }
}

class Stage implements AsyncDisposable {
  readonly view = new EventStreamView("/events/");
  readonly origin: ScriptedOrigin;
  readonly program: Program;
  readonly #clients: RawClient[] = [];

  private constructor(origin: ScriptedOrigin, program: Program) {
    this.origin = origin;
    this.program = program;
    origin.on("/events/", this.view.answer);
  }

  static async start(): Promise<Stage> {
    const origin = ScriptedOrigin.start();
    try {
      const program = await Program.start({
        routes: [`* 127.0.0.1:${origin.port}`],
        settings: { handler: { update_on_first_subscription: false } },
        args: ["--single-process"],
      });
      return new Stage(origin, program);
    } catch (error) {
      await origin.close();
      throw error;
    }
  }

  /** A browser's stream. */
  async open(
    query: string,
    options: { readonly lastEventId?: string } = {},
  ): Promise<Stream> {
    const client = await RawClient.connect({ port: this.program.port });
    this.#clients.push(client);
    const last = options.lastEventId === undefined ? [] : [["Last-Event-ID", options.lastEventId] as const];
    await client.request({
      target: `/events/?${query}`,
      headers: [["Accept", "text/event-stream"], ...last],
    });
    const head = await client.readHead();
    assertEquals(head.status, 200);
    assertEquals(head.headers.filter(([name]) => /^grip-/i.test(name)), []);
    const stream = new Stream(client);
    assertMatch(await stream.until(OPEN), /^: {2048}\n\nevent: stream-open\ndata:\n\n$/);
    return stream;
  }

  async publish(...items: readonly PubcontrolItem[]): Promise<void> {
    assertEquals(await pubcontrol(this.program.controlPort, items), "200 Published\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.program.stop();
    await this.origin.close();
  }
}

Deno.test("django-eventstream's build-id gives every event the ids of all channels", async () => {
  await using stage = await Stage.start();
  const { view } = stage;
  view.append("room-1", "old");
  for (let i = 0; i < 3; i++) view.append("my room", "old");
  const both = await stage.open("channel=room-1&channel=my%20room&user=7");
  const one = await stage.open("channel=room-1&user=8");
  await stage.publish(
    eventItem("room-1", { text: "100% sure" }, view.append("room-1", "100% sure")),
    eventItem("my room", { text: "%I %(x)I" }, view.append("my room", "%I %(x)I")),
    eventItem("room-1", { text: "end" }, view.append("room-1", "end")),
  );
  assertEquals(
    await both.until('"end"}\n\n'),
    sseEvent("message", { text: "100% sure" }, "room-1:2,my%20room:3") +
      sseEvent("message", { text: "%I %(x)I" }, "room-1:2,my%20room:4") +
      sseEvent("message", { text: "end" }, "room-1:3,my%20room:4"),
  );
  assertEquals(
    await one.until('"end"}\n\n'),
    sseEvent("message", { text: "100% sure" }, "room-1:2") + sseEvent("message", { text: "end" }, "room-1:3"),
  );
});

Deno.test("django-eventstream's channels without storage carry plain events", async () => {
  await using stage = await Stage.start();
  const client = await stage.open("channel=news");
  await stage.publish(eventItem("news", { text: "100% %I" }, undefined), eventItem("news", "end", undefined));
  assertEquals(
    await client.until('"end"\n\n'),
    sseEvent("message", { text: "100% %I" }) + sseEvent("message", "end"),
  );
});

Deno.test("django-eventstream's skip_user_ids keep an event from users, who go on reliably", async () => {
  await using stage = await Stage.start();
  const { view } = stage;
  view.append("room-1", "old");
  const streams = await Promise.all(["7", "8", "9"].map((user) => stage.open(`channel=room-1&user=${user}`)));
  await stage.publish(
    eventItem("room-1", "not for 7 and 9", view.append("room-1", "not for 7 and 9"), ["7", "9"]),
    eventItem("room-1", "end", view.append("room-1", "end")),
  );
  const end = sseEvent("message", "end", "room-1:3");
  const skipped = sseEvent("message", "not for 7 and 9", "room-1:2");
  const texts = await Promise.all(streams.map((client) => client.until('"end"\n\n')));
  assertEquals(texts, [end, skipped + end, end]);
  // What was kept from them is no gap: nobody had to ask.
  assertEquals(stage.origin.requests.length, 3);
});

Deno.test("django-eventstream's keep-alive is an event", async () => {
  await using stage = await Stage.start();
  stage.view.keepAliveSeconds = 1;
  const client = await stage.open("channel=news");
  assertEquals(await client.until(KEEP_ALIVE), KEEP_ALIVE);
  await stage.publish(eventItem("news", "x", undefined));
  await client.until(sseEvent("message", "x"));
  await client.until(KEEP_ALIVE);
});

Deno.test("django-eventstream is asked to recover with the ids that the client has", async () => {
  await using stage = await Stage.start();
  const { view, origin } = stage;
  view.append("room-1", "old");
  view.append("room-2", "old");
  const client = await stage.open("channel=room-1&channel=room-2&user=7");
  await stage.publish(eventItem("room-2", { text: "a" }, view.append("room-2", "a")));
  // Lost on its way, 50 % of them.
  view.append("room-1", "lost, 50%");
  const found = view.append("room-1", "found");
  // Nor does it wait for its predecessor here: that would be 5 s.
  await stage.publish({ ...eventItem("room-1", { text: "found" }, found), "no-seq": true });
  assertEquals(
    await client.until('"found"}\n\n'),
    sseEvent("message", { text: "a" }, "room-1:1,room-2:2") +
      sseEvent("message", { text: "lost, 50%" }, "room-1:2,room-2:2") +
      sseEvent("message", { text: "found" }, "room-1:3,room-2:2"),
  );
  assertEquals(origin.requests.length, 2);
  const asked = origin.requests[1]!;
  assertEquals(asked.method, "GET");
  assertMatch(asked.target, /^\/events\/\?.*link=next.*recover=true.*es-meta=/);
  assertEquals(asked.headers.filter(([name]) => name.toLowerCase() === "grip-last").map(([, v]) => v), [
    "events-room-1; last-id=1",
    "events-room-2; last-id=2",
  ]);
  await stage.publish(eventItem("room-1", { text: "end" }, view.append("room-1", "end")));
  assertEquals(
    await client.until('"end"}\n\n'),
    sseEvent("message", { text: "end" }, "room-1:4,room-2:2"),
  );
});

Deno.test("django-eventstream leads a browser that lacks much on, page by page, then holds it", async () => {
  await using stage = await Stage.start();
  const { view, origin } = stage;
  for (let i = 1; i <= 250; i++) view.append("room-1", `${i}%`);
  const client = await stage.open("channel=room-1&user=7", { lastEventId: "room-1:20" });
  const text = await client.until('"250%"}\n\n');
  assertEquals(
    text,
    Array.from({ length: 230 }, (_, i) => sseEvent("message", { text: `${i + 21}%` }, `room-1:${i + 21}`))
      .join(""),
  );
  const pages = origin.requests.slice(1).map(({ target }) => new URL(target, "http://x").searchParams);
  assertEquals(pages.map((query) => [query.get("lastEventId"), query.get("recover")]), [
    ["room-1:120", null],
    ["room-1:220", null],
  ]);
  await stage.publish(eventItem("room-1", "end", view.append("room-1", "end")));
  assertEquals(await client.until('"end"\n\n'), sseEvent("message", "end", "room-1:251"));
});

Deno.test("django-eventstream's kick ends the user's streams of that channel, after the reason", async () => {
  await using stage = await Stage.start();
  const { view } = stage;
  view.append("room-1", "old");
  view.append("room-2", "old");
  const kicked = await stage.open("channel=room-1&channel=room-2&user=7");
  const elsewhere = await stage.open("channel=room-2&user=7");
  const other = await stage.open("channel=room-1&channel=room-2&user=8");
  await stage.publish(...kickItems("7", "room-1"));
  const data = {
    condition: "forbidden",
    text: "Permission denied to channels: room-1",
    channels: ["room-1"],
  };
  const text = await kicked.until("\n\n");
  assertEquals(text, sseEvent("stream-error", data, "error"));
  assert(await kicked.ended());
  await stage.publish(eventItem("room-2", "end", view.append("room-2", "end")));
  assertEquals(await elsewhere.until('"end"\n\n'), sseEvent("message", "end", "room-2:2"));
  assertEquals(await other.until('"end"\n\n'), sseEvent("message", "end", "room-1:1,room-2:2"));
});
