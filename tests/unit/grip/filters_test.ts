import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { PushpinError } from "../../../src/errors.ts";
import { GRIP_FEATURES } from "../../../src/grip/grip_feature.ts";
import {
  applyFilters,
  contentFiltersMatch,
  type FilterContext,
  responseFilter,
} from "../../../src/grip/filters.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const CONTENT = utf8("content");

interface Said {
  readonly sub?: Record<string, string>;
  readonly pub?: Record<string, string>;
  readonly channels?: Record<string, string | undefined>;
  readonly item?: FilterContext["item"];
}

function context({ sub = {}, pub = {}, channels = {}, item }: Said): FilterContext {
  return {
    subMeta: new Map(Object.entries(sub)),
    pubMeta: new Map(Object.entries(pub)),
    channels: new Map(Object.entries(channels)),
    ...(item && { item }),
  };
}

/** The text delivered, or "drop: …" or "error: …". */
function run(filters: readonly string[], said: Said, content = "content"): string {
  const result = applyFilters(filters, context(said), utf8(content));
  switch (result.kind) {
    case "send":
      return new TextDecoder().decode(result.content);
    case "drop":
      return `drop: ${result.reason}`;
    case "error":
      assertEquals(result.error.code, "PUSHPIN_FILTER_FAILED");
      return `error: ${result.error.message}`;
  }
}

Deno.test("applyFilters() returns the content itself where no filter rewrites it", () => {
  const result = applyFilters(["skip-self", "unknown"], context({}), CONTENT);
  assertEquals(result.kind, "send");
  if (result.kind === "send") assertStrictEquals(result.content, CONTENT);
});

Deno.test("skip-self drops what the subscriber sent", () => {
  assertEquals(run(["skip-self"], { sub: { user: "a" }, pub: { sender: "a" } }), "drop: skip-self");
  assertEquals(run(["skip-self"], { sub: { user: "a" }, pub: { sender: "b" } }), "content");
  assertEquals(run(["skip-self"], { sub: { user: "a" } }), "content");
  assertEquals(run(["skip-self"], { pub: { sender: "a" } }), "content");
  assertEquals(run(["skip-self"], { sub: { user: "" }, pub: { sender: "" } }), "content");
});

Deno.test("skip-users drops for those listed", () => {
  const pub = { skip_users: "a, b ,c" };
  assertEquals(run(["skip-users"], { sub: { user: "b" }, pub }), "drop: skip-users");
  assertEquals(run(["skip-users"], { sub: { user: "d" }, pub }), "content");
  assertEquals(run(["skip-users"], { pub: { skip_users: "a,,b" } }), "content");
  assertEquals(run(["skip-users"], { sub: { user: "b" } }), "content");
});

Deno.test("require-sub drops unless the session has the other channel as well", () => {
  const pub = { require_sub: "other" };
  assertEquals(run(["require-sub"], { pub, channels: { this: undefined } }), "drop: require-sub");
  assertEquals(run(["require-sub"], { pub, channels: { this: undefined, other: undefined } }), "content");
  assertEquals(run(["require-sub"], {}), "content");
});

Deno.test("var-subst puts in the subscription's meta", () => {
  assertEquals(run(["var-subst"], { sub: { name: "Ann" } }, "Hi %(name)s, 100%%"), "Hi Ann, 100%");
  assertEquals(
    run(["var-subst"], {}, "%(name)s"),
    `error: Cannot apply filter var-subst: meta "name" is not set`,
  );
  assertEquals(
    run(["var-subst"], { sub: { name: "x" } }, "%(name)d"),
    `error: Cannot apply filter var-subst: "%(name)d" is no directive here`,
  );
  assertEquals(
    run(["var-subst"], {}, "50% off"),
    "error: Cannot apply filter var-subst: Cannot render the template: it has no letter where a directive wants one, at byte 3",
  );
});

Deno.test("build-id renders the id of the item that is sent, not the one before", () => {
  // From 1.41 the original renders the previous id, which makes a client ask again for what it has.
  const said: Said = {
    sub: { id_format: "a:%(a)s,b:%(b)s" },
    channels: { a: "old", b: "7" },
    item: { channel: "a", id: "new" },
  };
  assertEquals(run(["build-id"], said, "id: %I\n"), "id: a:new,b:7\n");
  assertEquals(run(["build-id"], { ...said, item: undefined }, "%I"), "a:old,b:7");
  assertEquals(run(["build-id"], { ...said, item: { channel: "a" } }, "%I"), "a:old,b:7");
});

Deno.test("build-id takes a literal id and encodes both in hex when asked", () => {
  const sub = { id_format: "%(a)s", id_encoding: "hex" };
  assertEquals(run(["build-id"], { sub, channels: { a: "é1" } }, "%I %(x:1)I %%"), "c3a931 783a31 %");
  assertEquals(run(["build-id"], {}, "%(x:1)I"), "x:1");
});

Deno.test("build-id says what it misses", () => {
  const error = (said: Said, content = "%I") =>
    run(["build-id"], said, content).replace("error: Cannot apply filter build-id: ", "");
  assertEquals(error({}), `meta "id_format" is not set, which "%I" needs`);
  assertEquals(error({ sub: { id_format: "%(b)s" }, channels: { a: "1" } }), `channel "b" has no known id`);
  assertEquals(error({ sub: { id_format: "%I" } }), `"%I" is no directive here`);
  assertEquals(error({}, "%(x)s"), `"%(x)s" is no directive here`);
  assertEquals(
    error({ sub: { id_format: "x", id_encoding: "rot13" } }),
    `meta "id_encoding" is "rot13": use "hex" or no such meta`,
  );
});

Deno.test("applyFilters() runs in declared order, and a drop ends the chain", () => {
  const said: Said = { sub: { user: "a", v: "%%(x:1)I" }, pub: { sender: "a" } };
  assertEquals(run(["skip-self", "var-subst"], said, "%(missing)s"), "drop: skip-self");
  assertEquals(
    run(["var-subst", "skip-self"], said, "%(missing)s"),
    `error: Cannot apply filter var-subst: meta "missing" is not set`,
  );
  assertEquals(run(["var-subst", "build-id"], said, "%(v)s"), "%(x:1)I");
});

Deno.test("http-check and http-modify are unknown, and unknown names change nothing", () => {
  assertEquals(run(["http-check", "http-modify", "", "constructor", "__proto__"], {}, "%I"), "%I");
});

Deno.test("contentFiltersMatch() compares with the rewriting filters of the subscription, in order", () => {
  const subscription = ["skip-self", "build-id", "unknown", "var-subst"];
  assertEquals(contentFiltersMatch(undefined, subscription), true);
  assertEquals(contentFiltersMatch(["build-id", "var-subst"], subscription), true);
  assertEquals(contentFiltersMatch(["var-subst", "build-id"], subscription), false);
  assertEquals(contentFiltersMatch(["build-id"], subscription), false);
  assertEquals(contentFiltersMatch([], subscription), false);
  assertEquals(contentFiltersMatch([], ["skip-self"]), true);
});

Deno.test("responseFilter() renders literal ids in a body, whole and byte by byte", () => {
  const channels = [{ filters: ["skip-self", "build-id"] }, { filters: ["build-id", "var-subst"] }];
  const body = utf8("id: %(a\\)1)I é 100%% %(x)I");
  const make = () => responseFilter(channels, new Map([["id_encoding", "hex"]]))!;
  const decoded = (pieces: readonly Uint8Array[]) => {
    const filter = make();
    const decoder = new TextDecoder();
    let out = "";
    for (const piece of pieces) out += decoder.decode(filter.push(piece), { stream: true });
    return out + decoder.decode(filter.end());
  };
  assertEquals(decoded([body]), "id: 612931 é 100% 78");
  assertEquals(decoded(Array.from(body, (byte) => Uint8Array.of(byte))), "id: 612931 é 100% 78");
});

Deno.test("responseFilter() is absent where no filter rewrites bodies", () => {
  assertEquals(responseFilter([{ filters: ["var-subst", "skip-self"] }], new Map()), undefined);
});

Deno.test("responseFilter() fails where a body asks for an id, or ends inside a directive", () => {
  const make = () => responseFilter([{ filters: ["build-id"] }], new Map([["id_format", "%(a)s"]]))!;
  assertThrows(() => make().push(utf8("%I")), PushpinError, `channel "a" has no known id`);
  const filter = make();
  filter.push(utf8("x%(a"));
  const error = assertThrows(() => filter.end(), PushpinError, "ends inside a directive");
  assertEquals(error.code, "PUSHPIN_FILTER_FAILED");
});

Deno.test("GRIP_FEATURES lists what works", () => {
  assertEquals(
    GRIP_FEATURES,
    "status, link:next, link:gone, filter:skip-self, filter:skip-users, filter:require-sub, filter:build-id, filter:var-subst",
  );
});
