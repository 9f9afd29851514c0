/**
 * `fastly compute serve` starts a `pushpin` that it finds, with a file of the original's keys, and believes it ready at
 * the first line on standard output that ends in "started". This is that file, those flags and that reading.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { freePorts } from "../helpers/free_port.ts";
import { childrenOf, isAlive } from "../helpers/processes.ts";
import { programCommand } from "../helpers/program.ts";
import { askOnce } from "../helpers/raw_client.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { eventually, within } from "../helpers/wait.ts";

interface Ports {
  readonly http: number;
  readonly publish: number;
  readonly push: number;
  readonly sub: number;
  readonly command: number;
}

function fastlyConfig(dir: string, ports: Ports): string {
  return `[global]
include={libdir}/internal.conf
rundir=${dir}/run
ipc_prefix=
port_offset=0
stats_connection_ttl=120
stats_connection_send=true

[runner]
services=connmgr,proxy,handler
http_port=${ports.http}
https_ports=
local_ports=
logdir=${dir}/log
log_level=2
client_buffer_size=8192
client_maxconn=50000
allow_compression=false

[proxy]
routesfile=${dir}/routes
debug=false
auto_cross_origin=false
accept_x_forwarded_protocol=false
set_x_forwarded_protocol=proto-only
x_forwarded_for=
x_forwarded_for_trusted=
orig_headers_need_mark=
accept_pushpin_route=true
cdn_loop=
log_from=false
log_user_agent=false
sig_iss=viceroy
sig_key=a key for the test
upstream_key=
sockjs_url=http://cdn.jsdelivr.net/sockjs/0.3/sockjs.min.js
updates_check=off
organization_name=

[handler]
ipc_file_mode=777
push_in_spec=tcp://127.0.0.1:${ports.push}
push_in_sub_specs=tcp://127.0.0.1:${ports.sub}
push_in_sub_connect=false
push_in_http_addr=0.0.0.0
push_in_http_port=${ports.publish}
push_in_http_max_headers_size=65536
push_in_http_max_body_size=65536
stats_spec=ipc://{rundir}/{ipc_prefix}stats
command_spec=tcp://127.0.0.1:${ports.command}
message_rate=2500
message_hwm=25000
message_block_size=
message_wait=5000
id_cache_ttl=60
update_on_first_subscription=true
connection_subscription_max=20
subscription_linger=60
stats_subscription_ttl=60
stats_report_interval=10
stats_format=tnetstring
`;
}

Deno.test("pushpin starts as fastly compute serve starts it, and is ready when it says started", async () => {
  const dir = await Deno.makeTempDir({ prefix: "fastly_" });
  await using origin = ScriptedOrigin.start();
  origin.on(/^\/app\/hello$/, { status: 200, reason: "OK", body: "from the app" });
  const [http, publish, push, sub, command] = freePorts(5) as [number, number, number, number, number];
  await Deno.writeTextFile(`${dir}/routes`, `id=app,replace_beg=/app 127.0.0.1:${origin.port},over_http\n`);
  await Deno.writeTextFile(`${dir}/pushpin.conf`, fastlyConfig(dir, { http, publish, push, sub, command }));
  const [bin, ...words] = programCommand() as [string, ...string[]];
  const child = new Deno.Command(bin, {
    args: [...words, `--config=${dir}/pushpin.conf`, "--verbose"],
    cwd: dir,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines: string[] = [];
  const complaints = new Response(child.stderr).text();
  const reading = (async () => {
    const text = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough<string>(new TextLineStream());
    for await (const line of text) lines.push(line);
  })();
  let children: readonly number[] = [];
  try {
    await eventually(() => lines.some((line) => line.endsWith("started")), {
      what: "started",
      deadlineMs: 20_000,
    });
    children = childrenOf(child.pid).map(({ pid }) => pid);
    // No line before it may end in the word, or whoever reads believes us ready too early.
    assertEquals(lines.filter((line) => line.endsWith("started")).length, 1);
    for (const line of lines) assertMatch(line, /^\[(ERR|WARN|INFO|DEBUG|TRACE)\] \S+ \S+ .+$/);
    const answer = await askOnce(http, { target: "/hello", headers: [["Pushpin-Route", "app"]] });
    assertEquals([answer.status, new TextDecoder().decode(answer.body)], [200, "from the app"]);
    const published = await fetch(`http://127.0.0.1:${publish}/publish/`, {
      method: "POST",
      body: JSON.stringify({ items: [{ channel: "c", formats: { "http-stream": { content: "x" } } }] }),
    });
    assertEquals([published.status, await published.text()], [200, "Published\n"]);
  } catch (error) {
    console.error(lines.join("\n"));
    throw error;
  } finally {
    child.kill("SIGKILL");
    await within(child.status, "the end");
    await within(reading, "the end of the output");
    await complaints;
    await Deno.remove(dir, { recursive: true });
  }
  assert(Deno.build.os !== "linux" || children.length >= 2);
  await eventually(() => !children.some(isAlive), { what: "the end of the whole tree" });
});
