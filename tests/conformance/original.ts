/**
 * The original Pushpin as the judge: Debian's package started from a directory and on ports of its own, next to
 * whatever else runs on the machine. Its forwarder (zurl) is a program by itself.
 */
import { freePort, freePorts } from "../helpers/free_port.ts";
import { askOnce } from "../helpers/raw_client.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { eventually } from "../helpers/wait.ts";
import { conformanceRoutes, type Lane } from "./lanes.ts";

const INTERNAL_CONF = "/usr/lib/pushpin/internal.conf";

/** The original, running; its ports are its own. */
export interface Original extends AsyncDisposable {
  readonly ports: { readonly http: number; readonly control: number; readonly push: number };
}

/**
 * Starts the original with these routes, and waits until it answers and its handler takes GRIP responses.
 *
 * @throws {Deno.errors.NotFound} where the package is not installed.
 */
export async function startOriginal(routes: readonly string[]): Promise<Original> {
  const internal = await Deno.readTextFile(INTERNAL_CONF);
  const dir = await Deno.makeTempDir({ prefix: "pushpin_original_" });
  const [http, control, push, sub, command] = freePorts(5) as [number, number, number, number, number];
  // Needs the handler, which starts last: a response that is GRIP, and over at once.
  const ready = ScriptedOrigin.start({
    rules: [{ target: "/", respond: { headers: [["Grip-Channel", "ready"]] } }],
  });
  await Promise.all(["run", "log"].map((name) => Deno.mkdir(`${dir}/${name}`)));
  const files: Readonly<Record<string, string>> = {
    "routes": [...routes, `ready.test 127.0.0.1:${ready.port}`].join("\n") + "\n",
    "internal.conf": internal.replaceAll("/var/run/zurl/", `${dir}/run/`),
    "zurl.conf": zurlConf(dir),
    "pushpin.conf": pushpinConf({ dir, http, control, push, sub, command }),
  };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir}/${name}`, text);
  const children = [
    start("zurl", [`--config=${dir}/zurl.conf`, `--logfile=${dir}/log/zurl.log`]),
    start("pushpin", [`--config=${dir}/pushpin.conf`]),
  ];
  const stop = async () => {
    for (const child of children) child.kill("SIGTERM");
    for (const child of children) await child.status;
    await Deno.remove(dir, { recursive: true });
  };
  try {
    await eventually(() => listens(control), { deadlineMs: 15_000, what: "the original's control port" });
    await eventually(() => forwards(http), { deadlineMs: 15_000, what: "the original to forward" });
  } catch (e) {
    await stop();
    throw e;
  } finally {
    await ready.close();
  }
  return { ports: { http, control, push }, [Symbol.asyncDispose]: stop };
}

/** The original with the routes that the cases need. */
export async function originalLane(): Promise<Lane> {
  const origin = ScriptedOrigin.start();
  try {
    const original = await startOriginal(conformanceRoutes(origin.port, freePort()));
    const { http: proxy, control, push } = original.ports;
    return {
      place: { proxy, control, push },
      origin,
      [Symbol.asyncDispose]: async () => {
        await original[Symbol.asyncDispose]();
        await origin.close();
      },
    };
  } catch (e) {
    await origin.close();
    throw e;
  }
}

function start(bin: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(bin, { args: [...args], stdin: "null", stdout: "null", stderr: "null" }).spawn();
}

async function listens(port: number): Promise<boolean> {
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  return true;
}

async function forwards(port: number): Promise<boolean> {
  const { status } = await askOnce(port, { target: "/", headers: [["Host", "ready.test"]] }, 2_000);
  return status === 200;
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
  at: { dir: string; http: number; control: number; push: number; sub: number; command: number },
): string {
  return [
    "[global]",
    `include=${at.dir}/internal.conf`,
    `rundir=${at.dir}/run`,
    "ipc_prefix=pp-",
    "[runner]",
    "services=condure,pushpin-proxy,pushpin-handler",
    `http_port=127.0.0.1:${at.http}`,
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
