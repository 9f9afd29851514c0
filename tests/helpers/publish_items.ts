/** Published items for tests that care about none of their details, or about all of them. */
import type { PublishItem } from "../../src/grip/publish_item.ts";
import type { Random } from "./random.ts";

/** An item with every member that one can have, at random: odd channel names, patches, shared and binary bodies. */
export function randomItem(random: Random): PublishItem {
  const body = () => random.bytes(random.int(random.chance(0.05) ? 200_000 : 300));
  const shared = body();
  return {
    channel: random.pick(["a", "ü", "\u{1f600}", "with space", "\ud800lone"]),
    ...(random.chance(0.5) && { id: random.text(5) }),
    ...(random.chance(0.5) && { prevId: random.text(5) }),
    ...(random.chance(0.2) && { size: random.int(1000) }),
    noSeq: random.chance(0.3),
    meta: new Map(random.chance(0.3) ? [["sender", "x"], ["user", "é\n"]] : []),
    formats: {
      ...(random.chance(0.6) && {
        "http-response": random.chance(0.2)
          ? { action: random.pick(["hint", "close", "refresh"] as const) }
          : {
            action: "send" as const,
            code: 200,
            reason: "OK",
            headers: [["X-A", "b"], ["x-a", "c"]] as const,
            body: random.chance(0.3)
              ? { patch: [{ op: "add", path: "/a", value: { "0": [1, null, "ü"] } }] }
              : shared,
            ...(random.chance(0.3) && { contentFilters: ["skip-self"] }),
          },
      }),
      ...(random.chance(0.6) && {
        "http-stream": random.chance(0.2)
          ? { action: random.pick(["hint", "close"] as const) }
          : { action: "send" as const, content: shared },
      }),
      ...(random.chance(0.6) && {
        "ws-message": random.chance(0.2)
          ? { action: "close" as const, code: 1001, reason: "away" }
          : { action: "send" as const, type: random.pick(["text", "binary"] as const), content: body() },
      }),
    },
  };
}

/** An item of one line for streams. */
export function streamItem(
  channel: string,
  text: string,
  ids: { id?: string; prevId?: string } = {},
): PublishItem {
  return {
    channel,
    ...ids,
    noSeq: false,
    meta: new Map(),
    formats: { "http-stream": { action: "send", content: new TextEncoder().encode(text) } },
  };
}
