import { assertEquals, assertRejects } from "@std/assert";
import { OriginFailure } from "../../../../src/server/origin/origin_failure.ts";
import { sendPatiently, type Timers } from "../../../../src/server/origin/patience.ts";

/** Timers that fire when the test says so, in the order of their delays. */
class HandTimers implements Timers<{ readonly atMs: number; readonly fire: () => void }> {
  readonly waiting = new Set<{ readonly atMs: number; readonly fire: () => void }>();
  nowMs = 0;

  set(delayMs: number, fire: () => void) {
    const handle = { atMs: this.nowMs + delayMs, fire };
    this.waiting.add(handle);
    return handle;
  }

  clear(handle: { readonly atMs: number; readonly fire: () => void }): void {
    this.waiting.delete(handle);
  }

  to(ms: number): void {
    this.nowMs = ms;
    for (const handle of [...this.waiting]) {
      if (handle.atMs > ms) continue;
      this.waiting.delete(handle);
      handle.fire();
    }
  }
}

/** An origin that answers when told, and rejects as fetch does when aborted. */
function slowOrigin() {
  const answer = Promise.withResolvers<Response>();
  const send = (signal: AbortSignal) => {
    signal.addEventListener("abort", () => answer.reject(new DOMException("gone", "AbortError")));
    return answer.promise;
  };
  return { send, answer };
}

const idle = new AbortController().signal;

Deno.test("sendPatiently() gives the answer and leaves no timer", async () => {
  const timers = new HandTimers();
  const { send, answer } = slowOrigin();
  const sent = sendPatiently(send, idle, {
    timers,
    probe: () => Promise.resolve(),
    watchConnect: true,
    headMs: 100,
  });
  answer.resolve(new Response("yes"));
  assertEquals(await (await sent).text(), "yes");
  assertEquals(timers.waiting.size, 0);
});

Deno.test("sendPatiently() waits on for a target that a second connection reaches", async () => {
  const timers = new HandTimers();
  const { send, answer } = slowOrigin();
  const probed = Promise.resolve();
  const sent = sendPatiently(send, idle, { timers, probe: () => probed, watchConnect: true, headMs: 0 });
  timers.to(5000);
  await probed;
  await Promise.resolve();
  assertEquals(timers.waiting.size, 0);
  answer.resolve(new Response("late"));
  assertEquals(await (await sent).text(), "late");
});

Deno.test("sendPatiently() gives up before sending where a second connection is not made either", async () => {
  const timers = new HandTimers();
  const { send } = slowOrigin();
  const sent = sendPatiently(send, idle, {
    timers,
    probe: () => new Promise<void>(() => {}),
    watchConnect: true,
    headMs: 0,
  });
  timers.to(5000);
  timers.to(10_000);
  const failure = await assertRejects(() => sent, OriginFailure);
  assertEquals([failure.reason, failure.beforeSending], ["timeout", true]);
});

Deno.test("sendPatiently() gives up after sending where origin_timeout has passed", async () => {
  const timers = new HandTimers();
  const { send } = slowOrigin();
  const sent = sendPatiently(send, idle, {
    timers,
    probe: () => Promise.resolve(),
    watchConnect: false,
    headMs: 2000,
  });
  timers.to(2000);
  const failure = await assertRejects(() => sent, OriginFailure);
  assertEquals([failure.reason, failure.beforeSending], ["timeout", false]);
});

Deno.test("sendPatiently() aborts when the client leaves", async () => {
  const timers = new HandTimers();
  const { send } = slowOrigin();
  const client = new AbortController();
  const sent = sendPatiently(send, client.signal, {
    timers,
    probe: () => Promise.resolve(),
    watchConnect: true,
    headMs: 0,
  });
  client.abort();
  await assertRejects(() => sent, DOMException);
  assertEquals(timers.waiting.size, 0);
});
