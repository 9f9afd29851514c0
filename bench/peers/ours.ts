/** This program, from a tree, run by the Deno that runs the harness. */
import type { Lab } from "../lab.ts";
import type { Origin } from "../origin.ts";
import { startGroup, until } from "../processes.ts";
import type { Peer, PeerName, RunningPeer } from "./peer.ts";
import { answers } from "./probe.ts";

export interface OursOptions {
  readonly name: PeerName;
  readonly title: string;
  /** Proxy processes beside a handler; undefined for everything in one process. */
  readonly workers?: number;
  /** The checkout; absent for the lab's. */
  readonly tree?: string;
}

export function ourPeer(options: OursOptions): Peer {
  const { name, title } = options;
  return {
    name,
    title,
    missing: () => Promise.resolve(undefined),
    async start(lab: Lab, origin: Origin): Promise<RunningPeer> {
      const [port, publishPort, zmqPort, subPort, commandPort] = [
        lab.port(),
        lab.port(),
        lab.port(),
        lab.port(),
        lab.port(),
      ];
      const tree = options.tree ?? lab.tree;
      const dir = `${lab.dir}/${name}`;
      await Deno.mkdir(`${dir}/run`, { recursive: true });
      const config = await lab.write(
        `${name}/pushpin.toml`,
        `[global]
rundir = "${dir}/run"
[runner]
http_port = "127.0.0.1:${port}"
log_level = "1"
${options.workers === undefined ? "single_process = true" : `workers = ${options.workers}`}
[proxy]
routes = ["* 127.0.0.1:${origin.port}"]
[handler]
push_in_spec = "tcp://127.0.0.1:${zmqPort}"
push_in_sub_specs = ["tcp://127.0.0.1:${subPort}"]
command_spec = "tcp://127.0.0.1:${commandPort}"
push_in_http_addr = "127.0.0.1"
push_in_http_port = ${publishPort}
push_in_http_max_body_size = 10000000
`,
      );
      const flags = Deno.env.get("PUSHPIN_BENCH_DENO_FLAGS")?.split(" ").filter((flag) => flag !== "") ?? [];
      const group = startGroup(
        [
          Deno.execPath(),
          "run",
          "-A",
          ...flags,
          "--config",
          `${tree}/deno.json`,
          `${tree}/main.ts`,
          "--config",
          config,
        ],
        { logFile: `${dir}/out.log`, cwd: dir },
      );
      try {
        await until(`${name} to forward (${dir}/out.log)`, () => answers(port));
      } catch (error) {
        await group[Symbol.asyncDispose]();
        const log = await Deno.readTextFile(`${dir}/out.log`).catch(() => "");
        throw new Error(`Cannot start ${name}: ${log.slice(-2000)}`, { cause: error });
      }
      return {
        name,
        group,
        port,
        publishPort,
        zmqPort,
        dialect: "grip",
        settleMs: 300,
        calmMs: 35_000,
        held: () => origin.requests(),
        [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
      };
    },
  };
}
