/** One publish to 1, 100 and 10 000 subscribers, and the order that ids tell. */
import { Sequencer } from "../../src/grip/sequencer.ts";
import type { PublishItem } from "../../src/grip/publish_item.ts";
import { silentLog } from "../../src/log.ts";
import { Metrics } from "../../src/metrics.ts";
import { Hub } from "../../src/server/hub/hub.ts";
import { ClientStream } from "../../src/server/proxy/client_stream.ts";
import { Gathering } from "../../src/server/proxy/gathering.ts";
import type { Subscriber } from "../../src/server/hub/subscriber.ts";

const text = `data: ${"x".repeat(56)}\n\n`;
const content = new TextEncoder().encode(text);

function item(channel: string, id?: string, prevId?: string): PublishItem {
  return {
    channel,
    id,
    prevId,
    formats: { "http-stream": { action: "send", content } },
    meta: new Map(),
    noSeq: false,
  };
}

class Counting implements Subscriber {
  readonly id = "s";
  count = 0;
  subscribed(): void {}
  item(): string {
    this.count++;
    return "sent";
  }
  update(): void {}
  recover(): void {}
}

for (const size of [1, 100, 10_000]) {
  const hub = new Hub({ log: silentLog, metrics: new Metrics() });
  for (let i = 0; i < size; i++) hub.subscribe("a", "stream", new Counting());
  hub.timers[Symbol.dispose]();
  const one = item("a");
  const group = `fan-out to ${size}`;
  Deno.bench(`hub, 1 -> ${size}, sessions that count`, { group }, () => void hub.deliver(one));
  // What nothing can be faster than: a call for each.
  const plain = new Set(Array.from({ length: size }, () => new Counting()));
  Deno.bench(`a loop over a set of ${size} (bound)`, { group, baseline: true }, () => {
    for (const subscriber of plain) subscriber.item();
  });
}

const gathering = new Gathering();
const readers = Array.from({ length: 100 }, () => {
  const stream = new ClientStream({ maxQueuedBytes: 1 << 30, gathering, onCancel: () => {} });
  const reader = stream.readable.getReader();
  return { stream, reader };
});
const encoder = new TextEncoder();
Deno.bench("100 client streams, bytes shared", { group: "encode once", baseline: true }, async () => {
  for (const { stream } of readers) stream.write(content);
  for (const { reader } of readers) await reader.read();
});
Deno.bench("100 client streams, encoded for each (plain)", { group: "encode once" }, async () => {
  for (const { stream } of readers) stream.write(encoder.encode(text));
  for (const { reader } of readers) await reader.read();
});

let next = 1;
const ordered = new Sequencer({ waitMs: 5000 });
Deno.bench("sequencer, items in order", () => {
  ordered.push(item("a", String(next), String(next - 1)), next, true);
  next++;
});
let odd = 1;
const swapped = new Sequencer({ waitMs: 5000 });
Deno.bench("sequencer, every second item too late", () => {
  swapped.push(item("a", String(odd + 1), String(odd)), odd, true);
  swapped.push(item("a", String(odd), String(odd - 1)), odd, true);
  odd += 2;
});
