/** Backends and publishers as users have them: Express and the GRIP libraries from npm, unmodified, against the program. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { freePort } from "../helpers/free_port.ts";
import { headerOf } from "../helpers/http_message.ts";
import { Program } from "../helpers/program.ts";
import { askOnce, RawClient } from "../helpers/raw_client.ts";
import { Peer } from "./clients/peer.ts";

/** The program in front of an Express backend that publishes to it. */
class Stage implements AsyncDisposable {
  readonly program: Program;
  readonly backendPort: number;
  readonly #stack: AsyncDisposableStack;

  private constructor(program: Program, backendPort: number, stack: AsyncDisposableStack) {
    this.program = program;
    this.backendPort = backendPort;
    this.#stack = stack;
  }

  static async start(): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const backendPort = freePort();
    const program = stack.use(await Program.start({ routes: [`* 127.0.0.1:${backendPort}`] }));
    const backend = stack.use(Peer.start("express_backend.js", [], {
      PORT: String(backendPort),
      GRIP_URL: `${program.controlUrl}/?iss=pushpin&key=changeme`,
    }));
    await backend.line(/^listening/);
    return new Stage(program, backendPort, stack.move());
  }

  /** Lets the backend publish with one of its libraries. */
  async publish(way: string, channel: string, text: string): Promise<void> {
    const answer = await askOnce(this.backendPort, {
      method: "POST",
      target: `/publish/${way}`,
      headers: [["Content-Type", "application/json"]],
      body: new TextEncoder().encode(JSON.stringify({ channel, text })),
    });
    assertEquals([answer.status, answer.text], [200, "published\n"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

Deno.test("Express with the GRIP libraries, in front of it the program", async (t) => {
  await using stage = await Stage.start();
  const { program } = stage;

  await t.step("serve-grip takes the request as proxied and signed", async () => {
    const answer = await askOnce(program.port, "/whoami");
    assertEquals(JSON.parse(answer.text), { isProxied: true, isSigned: true, needsSigned: true });
  });

  await t.step("serve-grip knows a request that did not come through the program", async () => {
    const answer = await askOnce(stage.backendPort, "/whoami");
    assertEquals(JSON.parse(answer.text).isProxied, false);
  });

  await t.step("serve-grip holds a stream, and serve-grip, grip and the old grip publish to it", async () => {
    await using client = await RawClient.connect({ port: program.port });
    await client.request({ target: "/stream/room" });
    const head = await client.readHead();
    assertEquals([head.status, headerOf(head, "content-type")], [200, "text/plain"]);
    assertEquals(head.headers.filter(([name]) => /^grip-/i.test(name)), []);
    assertEquals(await client.readChunksUntil("\n"), "[open]\n");
    for (const way of ["serve-grip", "grip", "old-stream"]) {
      await stage.publish(way, "room", `from ${way}\n`);
      assertEquals(await client.readChunksUntil("\n"), `from ${way}\n`);
    }
  });

  await t.step("serve-grip holds a long-poll, and each library's response answers it", async () => {
    for (const way of ["grip-response", "old-response"]) {
      await using client = await RawClient.connect({ port: program.port });
      await client.request({ target: `/poll/poll-${way}` });
      await program.line(new RegExp(`subscribe .*poll-${way}|GET .*/poll/poll-${way}`), 2_000).catch(
        () => {},
      );
      await publishUntilAnswered(stage, client, { way, channel: `poll-${way}`, text: `news by ${way}` });
    }
  });

  await t.step("serve-grip's long-poll times out with the backend's own body", async () => {
    const answer = await askOnce(program.port, "/poll/nobody?timeout=1");
    assertEquals([answer.status, JSON.parse(answer.text)], [200, { timedOut: true }]);
  });

  await t.step("the old grip instructs in the body", async () => {
    await using client = await RawClient.connect({ port: program.port });
    await client.request({ target: "/old/stream" });
    assertEquals((await client.readHead()).status, 200);
    assertEquals(await client.readChunksUntil("\n"), "[old]\n");
    await stage.publish("old-stream", "old", "still works\n");
    assertEquals(await client.readChunksUntil("\n"), "still works\n");
  });

  await t.step("eventstream's events reach an EventSource", async () => {
    await using source = Peer.start("eventsource_client.js", [
      `${program.url}/events/7`,
      "stream-open",
      "message",
    ]);
    await source.line(/"type":"stream-open"/);
    await stage.publish("eventstream", "room-7", "héllo");
    const message = await source.line(/"type":"message"/);
    assertEquals(JSON.parse(message), { type: "message", data: '{"text":"héllo"}', id: "" });
  });

  await t.step("eventstream's stream on the wire is text/event-stream from its first event", async () => {
    await using client = await RawClient.connect({ port: program.port });
    await client.request({ target: "/events/8", headers: [["Accept", "text/event-stream"]] });
    assertMatch(headerOf(await client.readHead(), "content-type") ?? "", /^text\/event-stream/);
    assertStringIncludes(await client.readChunksUntil("\n\n"), "event: stream-open");
  });
});

/**
 * A long-poll says nothing when it is held, so its publisher may come too early: publishes again until the client has
 * its answer.
 */
async function publishUntilAnswered(
  stage: Stage,
  client: RawClient,
  what: { readonly way: string; readonly channel: string; readonly text: string },
): Promise<void> {
  const answer = client.readResponse();
  let answered = false;
  answer.then(() => answered = true, () => answered = true);
  while (!answered) await stage.publish(what.way, what.channel, what.text);
  const { status, text } = await answer;
  assertEquals([status, text], [200, what.text]);
}
