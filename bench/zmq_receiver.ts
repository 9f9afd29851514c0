/** One receiver of bench/zmq.ts in a process of its own: prints "ready", then its result as JSON. */
import type { PublishItem } from "../src/grip/publish_item.ts";
import { silentLog } from "../src/log.ts";
import { Metrics } from "../src/metrics.ts";
import { createHttpControl } from "../src/server/control/http_control.ts";
import { Handler, type Ingest } from "../src/server/control/ingest.ts";
import { openZmqPull } from "../src/server/control/zmq_pull.ts";
import { PullSocket } from "../src/server/zmq/mod.ts";

const [mode = "", endpoint = "", count = "0"] = Deno.args;
const items = Number(count);
let began = 0;
let seen = 0;
const done = Promise.withResolvers<void>();

function took(some: number): void {
  if (seen === 0) began = performance.now();
  seen += some;
  if (seen >= items) done.resolve();
}

/** The real handler, with a count in front. */
const metrics = new Metrics();
using handler = new Handler({ log: silentLog, metrics });
const counting: Ingest = {
  async ingest(batch: readonly PublishItem[]) {
    const outcomes = await handler.ingest(batch);
    took(batch.length);
    return outcomes;
  },
  recover: () => handler.recover(),
  refresh: (by, value) => handler.refresh(by, value),
  conncheck: (ids) => handler.conncheck(ids),
};

await using parts = new AsyncDisposableStack();
if (mode === "door") {
  parts.use(await openZmqPull({ ingest: counting, log: silentLog, metrics, specs: [endpoint] }));
} else if (mode === "socket") {
  const pull = parts.use(new PullSocket());
  await pull.bind(endpoint);
  void (async () => {
    for (let batch = await pull.receiveMany(); batch !== undefined; batch = await pull.receiveMany()) {
      took(batch.length);
    }
  })();
} else {
  const control = createHttpControl({ ingest: counting, log: silentLog });
  const port = Number(endpoint.split(":").at(-1));
  parts.use(Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, control));
}
console.log("ready");
await done.promise;
const seconds = (performance.now() - began) / 1000;

/** Clock ticks of user and system time: fields 14 and 15 of /proc/self/stat, 100 a second on Linux. */
const fields = Deno.readTextFileSync("/proc/self/stat").split(") ")[1]?.split(" ") ?? [];
console.log(JSON.stringify({ seconds, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100 }));
