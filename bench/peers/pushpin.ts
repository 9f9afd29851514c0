/** The original, from Debian's package, with its forwarder zurl, in a directory and on ports of its own. */
import type { Lab } from "../lab.ts";
import { type Origin, PATHS } from "../origin.ts";
import { type ProcessGroup, startGroup, until } from "../processes.ts";
import type { Peer, RunningPeer } from "./peer.ts";
import { answers, fileMissing } from "./probe.ts";

const BINARY = "/usr/bin/pushpin";
/** Of starting it: about every other one fails. */
const ATTEMPTS = 8;
const INTERNAL_CONF = "/usr/lib/pushpin/internal.conf";

export function pushpinPeer(): Peer {
  return {
    name: "pushpin",
    title: "Pushpin (Debian)",
    missing: () => fileMissing(BINARY, "apt-get install pushpin"),
    async start(lab: Lab, origin: Origin): Promise<RunningPeer> {
      for (let attempt = 1;; attempt++) {
        try {
          return await startOnce(lab, origin);
        } catch (error) {
          if (attempt === ATTEMPTS) throw error;
        }
      }
    },
  };
}

async function startOnce(lab: Lab, origin: Origin): Promise<RunningPeer> {
  const dir = `${lab.dir}/pushpin`;
  await Deno.mkdir(`${dir}/run`, { recursive: true });
  await Deno.mkdir(`${dir}/log`, { recursive: true });
  const [port, publishPort, zmqPort] = [lab.port(), lab.port(), lab.port()];
  await lab.write("pushpin/routes", `* 127.0.0.1:${origin.port}\n`);
  const internal = await Deno.readTextFile(INTERNAL_CONF);
  await lab.write("pushpin/internal.conf", internal.replaceAll("/var/run/zurl/", `${dir}/run/`));
  const zurlConf = await lab.write("pushpin/zurl.conf", zurl(dir));
  const conf = await lab.write(
    "pushpin/pushpin.conf",
    pushpin(lab, { dir, port, publishPort, zmqPort }),
  );
  const group = together([
    startGroup(["zurl", `--config=${zurlConf}`], { logFile: `${dir}/zurl.out` }),
    startGroup([BINARY, `--config=${conf}`], { logFile: `${dir}/pushpin.out` }),
  ]);
  try {
    await until("pushpin to forward", () => answers(port));
    // The handler starts last, and not every time do its sockets and the proxy's find each other: then every hold is
    // refused ("Accept service unavailable"), for the better part of a minute.
    await until("pushpin to hold", () => answers(port, `${PATHS.stream}?channel=probe`), {
      deadlineMs: 3_000,
    });
  } catch (error) {
    await group[Symbol.asyncDispose]();
    throw error;
  }
  return {
    name: "pushpin",
    group,
    port,
    publishPort,
    zmqPort,
    dialect: "grip",
    settleMs: 2500,
    calmMs: 5_000,
    held: () => origin.requests(),
    [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
  };
}

/** Several sessions measured as one. */
function together(groups: readonly [ProcessGroup, ProcessGroup]): ProcessGroup {
  const total = (of: (group: ProcessGroup) => number) => groups.reduce((sum, group) => sum + of(group), 0);
  return {
    pid: groups[1].pid,
    exited: groups[1].exited,
    residentBytes: () => total((group) => group.residentBytes()),
    cpuSeconds: () => total((group) => group.cpuSeconds()),
    size: () => total((group) => group.size()),
    async [Symbol.asyncDispose]() {
      await Promise.all(groups.map((group) => group[Symbol.asyncDispose]()));
    },
  };
}

function zurl(dir: string): string {
  return `[General]
in_spec=ipc://${dir}/run/zurl-in
in_stream_spec=ipc://${dir}/run/zurl-in-stream
out_spec=ipc://${dir}/run/zurl-out
in_req_spec=ipc://${dir}/run/zurl-req
defpolicy=allow
max_open_requests=12000
buffer_size=200000
timeout=600
`;
}

interface Places {
  readonly dir: string;
  readonly port: number;
  readonly publishPort: number;
  readonly zmqPort: number;
}

function pushpin(lab: Lab, { dir, port, publishPort, zmqPort }: Places): string {
  // message_rate shapes deliveries to 2500/s by default: that would be the limit instead of the program.
  return `[global]
include=${dir}/internal.conf
rundir=${dir}/run
ipc_prefix=pp-
[runner]
services=condure,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:${port}
logdir=${dir}/log
log_level=1
client_maxconn=12000
condure_bin=condure
[proxy]
routesfile=routes
sig_iss=pushpin
sig_key=changeme
updates_check=off
[handler]
push_in_spec=tcp://127.0.0.1:${zmqPort}
push_in_sub_specs=tcp://127.0.0.1:${lab.port()}
push_in_http_addr=127.0.0.1
push_in_http_port=${publishPort}
push_in_http_max_headers_size=10000
push_in_http_max_body_size=10000000
stats_spec=ipc://${dir}/run/pp-stats
command_spec=tcp://127.0.0.1:${lab.port()}
message_rate=100000000
message_hwm=100000000
message_wait=5000
`;
}
