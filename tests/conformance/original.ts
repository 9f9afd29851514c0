/**
 * The original Pushpin as the judge: Debian's package started from a directory and on ports of its own, next to
 * whatever else runs on the machine. Its forwarder (zurl) is a program by itself.
 */
import { freePort, freePorts } from "../helpers/free_port.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { eventually } from "../helpers/wait.ts";
import { conformanceRoutes, type Lane } from "./lanes.ts";

const INTERNAL_CONF = "/usr/lib/pushpin/internal.conf";

/** @throws {Deno.errors.NotFound} where the package is not installed. */
export async function originalLane(): Promise<Lane> {
  const internal = await Deno.readTextFile(INTERNAL_CONF);
  const dir = await Deno.makeTempDir({ prefix: "pushpin_original_" });
  const [proxy, control, push, sub, command] = freePorts(5) as [number, number, number, number, number];
  const origin = ScriptedOrigin.start();
  await Promise.all(["run", "log"].map((name) => Deno.mkdir(`${dir}/${name}`)));
  const files: Readonly<Record<string, string>> = {
    "routes": conformanceRoutes(origin.port, freePort()).join("\n") + "\n",
    "internal.conf": internal.replaceAll("/var/run/zurl/", `${dir}/run/`),
    "zurl.conf": zurlConf(dir),
    "pushpin.conf": pushpinConf({ dir, proxy, control, push, sub, command }),
  };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir}/${name}`, text);
  const children = [
    start("zurl", [`--config=${dir}/zurl.conf`, `--logfile=${dir}/log/zurl.log`]),
    start("pushpin", [`--config=${dir}/pushpin.conf`]),
  ];
  const stop = async () => {
    for (const child of children) child.kill("SIGTERM");
    for (const child of children) await child.status;
    await origin.close();
    await Deno.remove(dir, { recursive: true });
  };
  try {
    await eventually(() => listens(control), { deadlineMs: 15_000, what: "the original's control port" });
    // Needs the handler as well, which starts last: a response that is GRIP, and over at once.
    origin.on("/ready", { headers: [["Grip-Channel", "ready"]] });
    await eventually(() => forwards(proxy), { deadlineMs: 15_000, what: "the original to forward" });
  } catch (e) {
    await stop();
    throw e;
  }
  return { place: { proxy, control, push }, origin, [Symbol.asyncDispose]: stop };
}

function start(bin: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(bin, { args: [...args], stdin: "null", stdout: "null", stderr: "null" }).spawn();
}

async function listens(port: number): Promise<boolean> {
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  return true;
}

async function forwards(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/ready`, { signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
  return response.status === 200;
}

function zurlConf(dir: string): string {
  return [
    "[General]",
    `in_spec=ipc://${dir}/run/zurl-in`,
    `in_stream_spec=ipc://${dir}/run/zurl-in-stream`,
    `out_spec=ipc://${dir}/run/zurl-out`,
    `in_req_spec=ipc://${dir}/run/zurl-req`,
    "defpolicy=allow",
    "max_open_requests=2000",
    "buffer_size=200000",
    "timeout=600",
    "",
  ].join("\n");
}

function pushpinConf(
  at: { dir: string; proxy: number; control: number; push: number; sub: number; command: number },
): string {
  return [
    "[global]",
    `include=${at.dir}/internal.conf`,
    `rundir=${at.dir}/run`,
    "ipc_prefix=pp-",
    "[runner]",
    "services=condure,pushpin-proxy,pushpin-handler",
    `http_port=127.0.0.1:${at.proxy}`,
    `logdir=${at.dir}/log`,
    "client_maxconn=500",
    "condure_bin=condure",
    "[proxy]",
    "routesfile=routes",
    "sig_iss=pushpin",
    "sig_key=changeme",
    "updates_check=off",
    "[handler]",
    `push_in_spec=tcp://127.0.0.1:${at.push}`,
    `push_in_sub_specs=tcp://127.0.0.1:${at.sub}`,
    "push_in_http_addr=127.0.0.1",
    `push_in_http_port=${at.control}`,
    `stats_spec=ipc://${at.dir}/run/pp-stats`,
    `command_spec=tcp://127.0.0.1:${at.command}`,
    "message_wait=5000",
    "",
  ].join("\n");
}
