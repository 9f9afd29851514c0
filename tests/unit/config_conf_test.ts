import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { load } from "../helpers/load_settings.ts";

Deno.test("loadSettings() reads the conf file that Fastly's local server writes", () => {
  const files = { "/tmp/f/pushpin.conf": FASTLY_CONF };
  const { settings, said, failed } = load({ files, args: ["--config=/tmp/f/pushpin.conf", "--verbose"] });
  assertEquals(failed, false, said.join("\n"));
  assertEquals(settings.runner.services, ["proxy", "handler"]);
  assertEquals(settings.runner.http_port, [{ port: 7677 }]);
  assertEquals(settings.runner.log_level.base, "debug");
  assertEquals(settings.global.ipc_prefix, "");
  assertEquals(settings.proxy.accept_pushpin_route, true);
  assertEquals(settings.proxy.sig_iss, "viceroy");
  assertEquals(settings.proxy.routesfile, "/tmp/f/routes");
  assertEquals(settings.handler.push_in_http_addr, "0.0.0.0");
  assertEquals(settings.handler.push_in_sub_specs, ["tcp://127.0.0.1:5563"]);
  assertEquals(settings.handler.message_block_size, undefined);
  assertEquals(settings.handler.stats_spec, "ipc:///tmp/f/run/stats");
  assert(said.every((line) => line.includes("warning: ")), said.join("\n"));
  const text = said.join("\n");
  assertStringIncludes(text, "updates_check has no meaning here: nothing here ever calls home");
  assertStringIncludes(text, "organization_name has no meaning here");
});

const FASTLY_CONF = `[global]
include={libdir}/internal.conf
rundir=/tmp/f/run
ipc_prefix=
port_offset=0
stats_connection_ttl=120
stats_connection_send=true

[runner]
services=connmgr,proxy,handler
http_port=7677
logdir=/tmp/f/log
log_level=2
client_buffer_size=8192
client_maxconn=50000
allow_compression=false

[proxy]
routesfile=/tmp/f/routes
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
sig_key=changeme
upstream_key=
sockjs_url=http://example.com/sockjs.js
updates_check=report
organization_name=

[handler]
ipc_file_mode=777
push_in_spec=tcp://127.0.0.1:5562
push_in_sub_specs=tcp://127.0.0.1:5563
push_in_http_addr=0.0.0.0
push_in_http_port=5561
push_in_http_max_headers_size=10000
push_in_http_max_body_size=65536
stats_spec=ipc://{rundir}/{ipc_prefix}stats
command_spec=tcp://127.0.0.1:5564
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

Deno.test("loadSettings(): an included file gives defaults, an internal.conf is passed over, another missing one is told", () => {
  const main = (include: string) => `[global]\ninclude=${include}\n[handler]\nmessage_wait=1\n`;
  const base = "[handler]\nmessage_wait=2\nid_cache_ttl=3\nproxy_inspect_specs=ipc://x\n";
  const included = load({
    files: { "/w/a.conf": main("b.conf"), "/w/b.conf": base },
    args: ["-c", "a.conf"],
  });
  assertEquals(included.said, []);
  assertEquals(included.settings.handler.message_wait, 1);
  assertEquals(included.settings.handler.id_cache_ttl, 3);
  assertEquals(included.source("handler.id_cache_ttl"), "/w/b.conf:3");

  assertEquals(
    load({ files: { "/w/a.conf": main("/usr/lib/pushpin/internal.conf") }, args: ["-c", "a.conf"] }).said,
    [],
  );
  assertEquals(load({ files: { "/w/a.conf": main("b.conf") }, args: ["-c", "a.conf"] }).said, [
    `a.conf:2: cannot include "b.conf": there is no such file: take the line out or mend the path`,
  ]);
});

Deno.test("loadSettings(): the old place of rundir works and is told", () => {
  const { settings, said } = load({
    files: { "/w/a.conf": "[runner]\nrundir=/r\n" },
    args: ["-c", "a.conf"],
  });
  assertEquals(settings.global.rundir, "/r");
  assertEquals(said, [`a.conf:2: warning: [runner] rundir is an old place: write it in [global]`]);
});
