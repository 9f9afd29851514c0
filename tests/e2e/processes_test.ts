/** What several processes promise, at sizes for every day; `deno task soak` runs the same at full size. */
import { assert, assertMatch } from "@std/assert";
import { freePorts } from "../helpers/free_port.ts";
import { Backend } from "../helpers/history_backend.ts";
import {
  proveHandlerDeath,
  proveProxyDeath,
  proveWatchdog,
  startProgram,
} from "../helpers/process_proofs.ts";
import { firstAnswerMs, proveCrashStorm, proveDrain, proveReloads } from "../helpers/process_proofs_life.ts";
import { Program } from "../helpers/program.ts";
import { askOnce } from "../helpers/raw_client.ts";
import { Random } from "../helpers/random.ts";

const ignore = Deno.build.os !== "linux";

Deno.test({
  name: "pushpin answers its first request within a second of being started",
  ignore,
  fn: async () => {
    // The best of three: the machine that runs the tests does other things as well.
    const times = [await firstAnswerMs(), await firstAnswerMs(), await firstAnswerMs()];
    assert(Math.min(...times) < 1000, `it took ${times.map(Math.round).join(", ")} ms`);
  },
});

Deno.test({
  name: "pushpin keeps every client and every acknowledged message when the handler is killed",
  ignore,
  fn: async () => void await proveHandlerDeath({ streams: 40, polls: 20, kills: 2 }),
});

Deno.test({
  name: "pushpin loses the clients of a killed proxy only, and has it back within a second",
  ignore,
  fn: async () => void await proveProxyDeath({ streams: 40 }),
});

Deno.test({
  name: "pushpin replaces a proxy that is stopped",
  ignore,
  fn: async () => void await proveWatchdog(),
});

Deno.test({
  name: "pushpin fails no request and drops no hold while it is told to reload",
  ignore,
  fn: async () => void await proveReloads({ seconds: 3, everyMs: 300, streams: 20 }),
});

Deno.test({
  name: "pushpin answers every request that has begun when it is told to end",
  ignore,
  fn: async () => void await proveDrain({ requests: 30, streams: 20 }),
});

Deno.test({
  name: "pushpin works after a storm of killed children",
  ignore,
  fn: async () => void await proveCrashStorm({ seconds: 3, everyMs: 300, random: new Random(7) }),
});

Deno.test({
  name: "pushpin does not start a second time on the same ports, and says why",
  ignore,
  fn: async () => {
    await using backend = new Backend();
    await using first = await startProgram(backend);
    const second = await Program.start({ args: ["--config", first.configFile], startDeadlineMs: 15_000 })
      .then(async (program) => {
        await program.stop();
        return "it started";
      }, (error) => String(error));
    assertMatch(second, /Cannot listen on .*: (address in use|another handler answers there)/);
    // With other ports for publishers, nothing but the clients' port is in the way, and it could be shared.
    const [control, push, sub, command] = freePorts(4) as [number, number, number, number];
    const handler = {
      push_in_http_port: control,
      push_in_spec: `tcp://127.0.0.1:${push}`,
      push_in_sub_specs: `tcp://127.0.0.1:${sub}`,
      command_spec: `tcp://127.0.0.1:${command}`,
    };
    const third = await Program.start({
      settings: { runner: { http_port: `127.0.0.1:${first.port}` }, handler },
      startDeadlineMs: 15_000,
    }).then(async (program) => {
      await program.stop();
      return "it started";
    }, (error) => String(error));
    assertMatch(
      third,
      new RegExp(`Cannot listen on 127\\.0\\.0\\.1:${first.port}: address in use: set http_port`),
    );
    await askOnce(first.port, "/plain");
  },
});
