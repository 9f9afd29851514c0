/** Our sockets against the real libzmq, both directions, both transports. */
import { assert, assertEquals } from "@std/assert";
import {
  DealerSocket,
  PubSocket,
  PullSocket,
  PushSocket,
  RepSocket,
  ReqSocket,
  RouterSocket,
  SubSocket,
  XpubSocket,
} from "../../src/server/zmq/mod.ts";
import type { ZmqOptions } from "../../src/server/zmq/mod.ts";
import type { ZmqSocket } from "../../src/server/zmq/socket.ts";
import { LibzmqPeer, PYTHON_WITH_ZMQ } from "../helpers/libzmq.ts";
import { eventually, within } from "../helpers/wait.ts";

const ignore = PYTHON_WITH_ZMQ === undefined;

const bytes = (text: string) => new TextEncoder().encode(text);
const texts = (parts: readonly Uint8Array[] | undefined) =>
  parts?.map((part) => new TextDecoder().decode(part));

interface Setting {
  readonly name: string;
  /** Where to bind: port 0 or a path in the test's own directory. */
  readonly spec: (directory: string) => string;
  readonly weBind: boolean;
  readonly options: ZmqOptions;
}

const TRANSPORTS: readonly (readonly [string, (directory: string) => string])[] = [
  ["tcp", () => "tcp://127.0.0.1:0"],
  ["tcp over IPv6", () => "tcp://[::1]:0"],
  ["ipc", (directory) => `ipc://${directory}/s`],
];

const SETTINGS: readonly Setting[] = TRANSPORTS.flatMap(([transport, spec]) =>
  [true, false].flatMap((weBind) =>
    (transport === "tcp" ? [0, 1] as const : [1] as const).map((zmtpMinor) => ({
      name: `${transport}, ${weBind ? "we bind" : "libzmq binds"}, ZMTP 3.${zmtpMinor}`,
      spec,
      weBind,
      options: { zmtpMinor },
    }))
  )
);

/** Joins our socket with one of libzmq, whoever binds. */
async function join(
  ours: ZmqSocket,
  peer: LibzmqPeer,
  type: string,
  setting: Setting,
  more = {},
): Promise<void> {
  const options = setting.name.includes("IPv6") ? { IPV6: 1, ...more } : more;
  if (setting.weBind) {
    await peer.open("it", type, { connect: await ours.bind(setting.spec(peer.directory)), options });
  } else {
    ours.connect(
      await peer.open("it", type, { bind: setting.spec(peer.directory).replace(/:0$/, ":*"), options }),
    );
  }
}

function interop(what: string, test: (peer: LibzmqPeer, setting: Setting) => Promise<void>): void {
  for (const setting of SETTINGS) {
    Deno.test(`${what} (${setting.name})`, { ignore }, async () => {
      await using peer = new LibzmqPeer();
      await within(test(peer, setting), what, 30_000);
    });
  }
}

const BIG = 10 * 1024 * 1024;

interop(
  "PullSocket receives what a libzmq PUSH sends: one part, many parts, 10 MB",
  async (peer, setting) => {
    await using pull = new PullSocket(setting.options);
    await join(pull, peer, "PUSH", setting);
    await peer.send("it", "hello");
    assertEquals(texts(await pull.receive()), ["hello"]);
    await peer.send("it", "a", "", "c".repeat(300));
    assertEquals(texts(await pull.receive()), ["a", "", "c".repeat(300)]);
    await peer.ask({ op: "send_big", id: "it", size: BIG, byte: 120 });
    const big = await pull.receive();
    assertEquals(big?.length, 1);
    assertEquals(big?.[0]?.length, BIG);
    assert(big?.[0]?.every((byte) => byte === 120));
  },
);

interop(
  "PushSocket sends what a libzmq PULL receives: one part, many parts, 10 MB",
  async (peer, setting) => {
    await using push = new PushSocket(setting.options);
    await join(push, peer, "PULL", setting);
    await push.send([bytes("hello")]);
    assertEquals(await peer.receiveText("it"), ["hello"]);
    await push.send([bytes("a"), bytes(""), bytes("c".repeat(300))]);
    assertEquals(await peer.receiveText("it"), ["a", "", "c".repeat(300)]);
    await push.send([new Uint8Array(BIG).fill(121)]);
    assertEquals(await peer.ask({ op: "recv_big", id: "it" }), { size: BIG, bytes: [121] });
  },
);

for (const type of ["PUB", "XPUB"]) {
  interop(`SubSocket receives from a libzmq ${type} exactly what it asked for`, async (peer, setting) => {
    await using sub = new SubSocket(setting.options);
    sub.subscribe("before");
    await join(sub, peer, type, setting);
    await sub.peersReady();
    sub.subscribe("after");
    if (type === "XPUB") {
      assertEquals(await peer.receiveText("it"), ["\x01before"]);
      assertEquals(await peer.receiveText("it"), ["\x01after"]);
    }
    let number = 0;
    const first = sub.receive();
    // A PUB cannot say when it knows a subscription: publish until something comes.
    const stop = new AbortController();
    const publishing = (async () => {
      while (!stop.signal.aborted) await peer.send("it", "after", `${number++}`);
    })();
    const seen = texts(await first);
    stop.abort();
    await publishing;
    assertEquals(seen?.[0], "after");
    await peer.send("it", "other", "no");
    await peer.send("it", "before", "yes");
    await peer.send("it", "before and more", "prefix");
    const rest: (readonly string[] | undefined)[] = [];
    for (let next = texts(await sub.receive()); next?.[1] !== "prefix"; next = texts(await sub.receive())) {
      rest.push(next);
    }
    assertEquals(rest.filter((parts) => parts?.[0] !== "after"), [["before", "yes"]]);
    sub.unsubscribe("before");
    if (type === "XPUB") assertEquals(await peer.receiveText("it"), ["\x00before"]);
  });
}

for (const Pub of [PubSocket, XpubSocket]) {
  interop(
    `${Pub.name} publishes to a libzmq SUB what it asked for, and nothing else`,
    async (peer, setting) => {
      const told: string[] = [];
      await using pub = new Pub({
        ...setting.options,
        onSubscription: (topic, wanted) =>
          told.push(`${wanted ? "+" : "-"}${new TextDecoder().decode(topic)}`),
      });
      assertEquals(pub.send([bytes("a"), bytes("nobody")]), 0);
      await join(pub, peer, "SUB", setting);
      await peer.subscribe("it", "a");
      // libzmq tells a peer that has just joined in the turn of its own application: let it have some.
      await eventually(async () => await peer.receive("it", 1) === undefined && told.length === 1, {
        what: "the subscription",
      });
      assertEquals(pub.wants("ab"), true);
      assertEquals(pub.wants("b"), false);
      assertEquals(pub.send([bytes("b"), bytes("no")]), 0);
      assertEquals(pub.send([bytes("a"), bytes("yes")]), 1);
      assertEquals(pub.send([bytes("abc"), bytes("prefix")]), 1);
      assertEquals(await peer.receiveText("it"), ["a", "yes"]);
      assertEquals(await peer.receiveText("it"), ["abc", "prefix"]);
      await peer.unsubscribe("it", "a");
      await eventually(() => !pub.hasSubscribers, { what: "the cancellation" });
      assertEquals(told, ["+a", "-a"]);
    },
  );
}

for (const type of ["REQ", "DEALER"]) {
  interop(`RepSocket answers a libzmq ${type}`, async (peer, setting) => {
    await using rep = new RepSocket(setting.options);
    await join(rep.router, peer, type, setting);
    const delimiter = type === "DEALER" ? [""] : [];
    for (const word of ["one", "two"]) {
      await peer.send("it", ...delimiter, word);
      const request = await rep.receive();
      assertEquals(texts(request?.parts), [word]);
      assertEquals(request?.reply([bytes(`re ${word}`), bytes("more")]), "queued");
      assertEquals(await peer.receiveText("it"), [...delimiter, `re ${word}`, "more"]);
    }
  });
}

interop("RouterSocket routes by the id a libzmq DEALER gave itself", async (peer, setting) => {
  await using router = new RouterSocket(setting.options);
  await join(router, peer, "DEALER", setting, {
    ROUTING_ID: "6d65",
  });
  await peer.send("it", "question");
  assertEquals(texts(await router.receive()), ["me", "question"]);
  await router.send([bytes("me"), bytes("answer")]);
  assertEquals(await peer.receiveText("it"), ["answer"]);
});

for (const type of ["REP", "ROUTER"]) {
  interop(`ReqSocket asks a libzmq ${type}`, async (peer, setting) => {
    await using req = new ReqSocket(setting.options);
    await join(req.dealer, peer, type, setting);
    const reply = req.request([bytes("question")], { timeoutMs: 10_000 });
    const got = await peer.receive("it");
    assertEquals(texts(got)?.at(-1), "question");
    await peer.send("it", ...(got as Uint8Array[]).slice(0, -1), "answer");
    assertEquals(texts(await reply), ["answer"]);
  });
}

interop("DealerSocket talks to a libzmq DEALER both ways", async (peer, setting) => {
  await using dealer = new DealerSocket(setting.options);
  await join(dealer, peer, "DEALER", setting);
  await dealer.send([bytes("there")]);
  assertEquals(await peer.receiveText("it"), ["there"]);
  await peer.send("it", "back", "again");
  assertEquals(texts(await dealer.receive()), ["back", "again"]);
});
