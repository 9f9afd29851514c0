/** What no single key can see: settings that are right alone and wrong together. */
import type { Settings } from "./config_keys.ts";
import type { Problem } from "./config_wording.ts";

/** What is wrong about values that are each right. */
export function contradictions(settings: Settings, labels: ReadonlyMap<string, string>): readonly Problem[] {
  const { global, runner, handler } = settings;
  const problems: Problem[] = [];
  const say = (severity: Problem["severity"], key: string, what: string) =>
    void problems.push({ severity, where: labels.get(key)?.replace(/^(env|flag) /, "") ?? "settings", what });
  const listeners = runner.http_port.length + runner.https_ports.length + runner.local_ports.length;
  if (listeners === 0 && runner.services.includes("proxy")) {
    say("error", "runner.http_port", "no server ports configured: set [runner] http_port");
  }
  if ((handler.push_in_http_port ?? 0) > 65535) {
    say(
      "error",
      "global.port_offset",
      `[handler] push_in_http_port is ${handler.push_in_http_port} with port_offset`,
    );
  }
  if (handler.push_in_http_port !== undefined && !isLoopback(handler.push_in_http_addr)) {
    const what =
      `anyone who reaches "${handler.push_in_http_addr}" may publish: use "127.0.0.1" or a firewall`;
    say("warning", "handler.push_in_http_addr", what);
  }
  if (global.link_spec !== "" && global.link_secret === "") {
    say("error", "global.link_spec", "a link over TCP needs a secret: set [global] link_secret on both ends");
  }
  return problems;
}

function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || address === "[::1]" || address.startsWith("127.");
}
