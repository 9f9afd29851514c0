import { assertEquals } from "@std/assert";
import { compareSettings, formatProblem, loadSettings } from "../../src/config.ts";
import { load } from "../helpers/load_settings.ts";

Deno.test("loadSettings() without a file, a variable or a flag gives the defaults and says nothing", () => {
  const { settings, said, failed, effective } = load({});
  assertEquals(said, []);
  assertEquals(failed, false);
  assertEquals(effective.configFile, undefined);
  assertEquals(settings.runner.http_port, [{ port: 7999 }]);
  assertEquals(settings.handler.push_in_http_port, 5561);
  assertEquals(settings.handler.message_rate, 0);
  assertEquals(settings.handler.message_hwm, 0);
  assertEquals(settings.proxy.routesfile, "/w/routes");
  assertEquals(settings.global.rundir, "/w/run");
  assertEquals(settings.handler.stats_spec, "ipc:///w/run/pushpin-stats");
});

Deno.test("loadSettings(): flags win over variables, variables over the file, the file over the defaults", () => {
  const files = { "/w/pushpin.toml": `[runner]\nhttp_port = 1\nworkers = 1\nlog_level = 1\n` };
  const env = { PUSHPIN_RUNNER_HTTP_PORT: "2", PUSHPIN_RUNNER_WORKERS: "2" };
  const { settings, source, said } = load({ files, env, args: ["--port", "[::1]:3"] });
  assertEquals(said, []);
  assertEquals(settings.runner.http_port, [{ address: "::1", port: 3 }]);
  assertEquals(settings.runner.workers, 2);
  assertEquals(settings.runner.log_level, { base: "warn", services: {} });
  assertEquals(source("runner.http_port"), "flag --port");
  assertEquals(source("runner.workers"), "env PUSHPIN_RUNNER_WORKERS");
  assertEquals(source("runner.log_level"), "pushpin.toml:4");
  assertEquals(source("runner.drain"), "default");
});

Deno.test("loadSettings() searches ./, ./config and /etc/pushpin, in this order", () => {
  const at = (port: number) => `[runner]\nhttp_port = ${port}\n`;
  const files: Record<string, string> = {
    "/w/pushpin.toml": at(1),
    "/w/config/pushpin.toml": at(2),
    "/etc/pushpin/pushpin.toml": at(3),
  };
  for (
    const [path, port] of [["/w/pushpin.toml", 1], ["/w/config/pushpin.toml", 2], [
      "/etc/pushpin/pushpin.toml",
      3,
    ]]
  ) {
    const { settings, effective } = load({ files });
    assertEquals(settings.runner.http_port, [{ port: Number(port) }]);
    assertEquals(effective.configFile, path);
    delete files[String(path)];
  }
});

Deno.test("loadSettings() resolves paths beside the file, and rundir and the log in the working directory", () => {
  const files = {
    "/etc/p/x.toml":
      `[global]\nrundir = "r"\n[runner]\nlog_file = "a.log"\n[proxy]\nroutesfile = "my/routes"\nsig_key = "file:k"\n`,
  };
  const { settings, said } = load({ files, args: ["-c", "/etc/p/x.toml"] });
  assertEquals(said, []);
  assertEquals(settings.proxy.routesfile, "/etc/p/my/routes");
  assertEquals(settings.proxy.sig_key, "file:/etc/p/k");
  assertEquals(settings.runner.log_file, "/w/a.log");
  assertEquals(settings.handler.stats_spec, "ipc:///w/r/pushpin-stats");
});

Deno.test("loadSettings(): --id moves publishing ports and socket names, and not the client port", () => {
  const { settings } = load({ args: ["--id", "2"] });
  assertEquals(settings.runner.http_port, [{ port: 7999 }]);
  assertEquals(settings.handler.push_in_http_port, 5581);
  assertEquals(settings.handler.push_in_spec, "tcp://127.0.0.1:5580");
  assertEquals(settings.handler.push_in_sub_specs, ["tcp://127.0.0.1:5582"]);
  assertEquals(settings.handler.stats_spec, "ipc:///w/run/p2-stats");
});

Deno.test("loadSettings(): port_offset leaves port 0 alone", () => {
  const { settings } = load({ env: { PUSHPIN_PORT_OFFSET: "7", PUSHPIN_HANDLER_PUSH_IN_HTTP_PORT: "0" } });
  assertEquals(settings.handler.push_in_http_port, 0);
});

Deno.test("loadSettings(): --port replaces every configured listener", () => {
  const files = { "/w/pushpin.toml": `[runner]\nhttps_ports = [8443]\nlocal_ports = ["a?mode=660"]\n` };
  const { settings } = load({ files, args: ["--port=127.0.0.1:80"] });
  assertEquals(settings.runner.http_port, [{ address: "127.0.0.1", port: 80 }]);
  assertEquals([settings.runner.https_ports, settings.runner.local_ports], [[], []]);
});

Deno.test("loadSettings() collects every problem of a file, each with its line", () => {
  const files = {
    "/w/pushpin.toml": [
      `debug = true`,
      `[runner]`,
      `http_prot = 80`,
      `workers = "many"`,
      `services = ["proxy", "hanlder"]`,
      `log_level = "2,proxy:9"`,
      `client_maxconn = 5`,
      `[prxy]`,
      `debug = true`,
      `[proxy]`,
      `debug = "yes"`,
      `http_port = 80`,
      `set_x_forwarded_protocol = "proto_only"`,
      `sig_iss = unquoted`,
      `sig_iss = "a"`,
      `sig_iss = "b"`,
      `nonsense`,
      `[handler]`,
      `push_in_spec = "localhost:5560"`,
    ].join("\n"),
  };
  const { said, failed, settings } = load({ files });
  assertEquals(failed, true);
  assertEquals(said.toSorted((a, b) => Number(a.split(":")[1]) - Number(b.split(":")[1])), [
    `pushpin.toml:1: "debug" stands outside a section: it belongs in [proxy]`,
    `pushpin.toml:3: unknown key "http_prot" in [runner]: did you mean "http_port"?`,
    `pushpin.toml:4: [runner] workers must be a whole number from 0 to 64, is "many"`,
    `pushpin.toml:5: [runner] services names an unknown service "hanlder": did you mean "handler"?`,
    `pushpin.toml:6: [runner] log_level must be a level from 0 to 4 or one of error, warn, info, debug, trace, is "9"`,
    `pushpin.toml:7: warning: [runner] client_maxconn has no meaning here: the limit is the number of descriptors a process may have (ulimit -n)`,
    `pushpin.toml:9: unknown section [prxy]: did you mean "proxy"?`,
    `pushpin.toml:11: [proxy] debug must be true or false, is "yes"`,
    `pushpin.toml:12: unknown key "http_port" in [proxy]: it belongs in [runner]`,
    `pushpin.toml:13: [proxy] set_x_forwarded_protocol must be "true" or "proto-only" or "false", is "proto_only": did you mean "proto-only"?`,
    `pushpin.toml:14: "proxy.sig_iss" has a value that is not TOML: Cannot parse value on line 'unquoted': quote text, as in "text"`,
    `pushpin.toml:15: "proxy.sig_iss" is set twice, first on line 14`,
    `pushpin.toml:16: "proxy.sig_iss" is set twice, first on line 14`,
    `pushpin.toml:17: "nonsense" is not a setting: write key = value`,
    `pushpin.toml:19: [handler] push_in_spec must be "tcp://<address>:<port>", "ipc://<path>" or "off", is "localhost:5560"`,
  ]);
  assertEquals(settings.runner.workers, 0, "a wrong value leaves the weaker source's");
});

Deno.test("loadSettings() warns of an unknown variable, and not of those that are no settings", () => {
  const { said, failed } = load({
    env: {
      PUSHPIN_PROXY_SIGKEY: "x",
      PUSHPIN_COMPILE_DENO: "/usr/bin/deno",
      PUSHPIN_TEST_X: "1",
      PUSHPIN_RUNNER_WORKERS: "",
      PUSHPINX: "1",
      HOME: "/root",
    },
  });
  assertEquals(said, [
    `PUSHPIN_PROXY_SIGKEY: warning: unknown variable, nothing follows it: did you mean "PUSHPIN_PROXY_SIG_KEY"?`,
  ]);
  assertEquals(failed, false);
});

Deno.test("loadSettings() refuses a wrong value of a variable, and names the variable", () => {
  const { said, failed } = load({ env: { PUSHPIN_RUNNER_WORKERS: "many", PUSHPIN_PROXY_SOCKJS_URL: "x" } });
  assertEquals(said, [
    `PUSHPIN_RUNNER_WORKERS: must be a whole number from 0 to 64, is "many"`,
    `PUSHPIN_PROXY_SOCKJS_URL: warning: [proxy] sockjs_url has no meaning here: SockJS is not served`,
  ]);
  assertEquals(failed, true);
});

Deno.test("loadSettings() says that a file named by --config is not there, or cannot be read", () => {
  assertEquals(load({ args: ["-c", "x.toml"] }).said, [
    `x.toml: there is no such file: name another one with --config`,
  ]);
  const denied = loadSettings({
    flags: [],
    env: {},
    cwd: "/w",
    readFile: () => {
      throw new Deno.errors.PermissionDenied("permission denied");
    },
  });
  assertEquals(denied.problems.map(formatProblem), [`pushpin.toml: it cannot be read: permission denied`]);
  assertEquals(denied.failed, true);
});

Deno.test("loadSettings() sees what is wrong between settings", () => {
  const { said } = load({
    env: {
      PUSHPIN_RUNNER_HTTP_PORT: ",",
      PUSHPIN_LINK_SPEC: "10.0.0.1:7000",
      PUSHPIN_HANDLER_PUSH_IN_HTTP_ADDR: "0.0.0.0",
      PUSHPIN_PORT_OFFSET: "60000",
    },
  });
  assertEquals(said, [
    `PUSHPIN_RUNNER_HTTP_PORT: no server ports configured: set [runner] http_port`,
    `PUSHPIN_PORT_OFFSET: [handler] push_in_http_port is 65561 with port_offset`,
    `PUSHPIN_HANDLER_PUSH_IN_HTTP_ADDR: warning: anyone who reaches "0.0.0.0" may publish: use "127.0.0.1" or a firewall`,
    `PUSHPIN_LINK_SPEC: a link over TCP needs a secret: set [global] link_secret on both ends`,
  ]);
});

Deno.test("loadSettings(): routes come from flags, from a variable with a line each, and from TOML", () => {
  const routes = ["* localhost:80,over_http", "a.b,path_beg=/x test"];
  assertEquals(load({ args: ["--route", routes[0]!, `--route=${routes[1]}`] }).settings.proxy.routes, routes);
  assertEquals(load({ env: { PUSHPIN_PROXY_ROUTES: routes.join("\n") } }).settings.proxy.routes, routes);
  const files = { "/w/pushpin.toml": `proxy = { routes = ${JSON.stringify(routes)} }` };
  assertEquals(load({ files }).settings.proxy.routes, routes);
});

Deno.test("compareSettings() tells what SIGHUP can change from what takes a restart", () => {
  const before = load({}).settings;
  const after = load({ env: { PUSHPIN_PROXY_SIG_ISS: "x", PUSHPIN_RUNNER_HTTP_PORT: "1" } }).settings;
  assertEquals(compareSettings(before, after), { live: ["proxy.sig_iss"], restart: ["runner.http_port"] });
  assertEquals(compareSettings(before, before), { live: [], restart: [] });
});
