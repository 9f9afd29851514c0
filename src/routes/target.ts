/** The right side of a line: where a request may go (spec 7.4). */
import { BLOCKED_PORTS } from "./blocked_ports.ts";
import type { Target } from "./route.ts";
import { isAuthority, type Note, Properties } from "./section.ts";
import { bad, type Section } from "./tokenize.ts";

export const TARGET_PROPERTIES: ReadonlySet<string> = new Set([
  "ssl",
  "insecure",
  "trust_connect_host",
  "host",
  "over_http",
  "one_event",
  "sub",
  "untrusted",
  "ipc_file_mode",
  "client_cert",
  "client_key",
]);

export interface TargetOptions {
  /** The text of a PEM file. What it throws becomes the problem of the line. */
  readonly readFile?: (path: string) => string;
  /** Whether certificates of this host are left unchecked by the whole process; absent means none are. */
  readonly allowInsecure?: (hostname: string) => boolean;
}

/** @throws {PushpinError} `PUSHPIN_ROUTE_INVALID`, naming what cannot be used. */
export function parseTarget(section: Section, note: Note, options: TargetOptions = {}): Target {
  const props = new Properties(section);
  const spec = section.value ?? "";
  const subs = props.all("sub").filter((channel) => channel !== "");
  if (subs.length < props.all("sub").length) note("an empty sub is ignored: it names no channel");
  if (spec === "test") return { kind: "test", subs };
  if (spec.startsWith("zhttp/") || spec.startsWith("zhttpreq/")) {
    throw bad(`target "${spec}": workers behind ZeroMQ (zhttp, zhttpreq) are not built: use host:port`);
  }
  const { hostname, port } = parseHostPort(spec);
  const ssl = props.flag("ssl", note);
  const insecure = props.flag("insecure", note);
  if (insecure && !ssl) note(`insecure means nothing without ssl for target "${spec}"`);
  if (insecure && ssl && !(options.allowInsecure?.(hostname) ?? false)) {
    throw bad(
      `target "${spec}": this runtime cannot leave certificates unchecked for one target (insecure): ` +
        "name the authority that signed its certificate in DENO_CERT=FILE instead",
    );
  }
  const host = props.text("host");
  if (host !== undefined && !isAuthority(host)) {
    throw bad(`target "${spec}": host must be host or host:port, not "${host}"`);
  }
  const oneEvent = props.flag("one_event", note);
  const overHttp = props.flag("over_http", note);
  if (oneEvent && !overHttp) note(`one_event means nothing without over_http for target "${spec}"`);
  const clientCert = readClientCert(props, spec, options);
  if (clientCert !== undefined && !ssl) note(`client_cert means nothing without ssl for target "${spec}"`);
  return {
    kind: "http",
    hostname,
    port,
    ssl,
    ...(host !== undefined && { host }),
    insecure,
    trustConnectHost: props.flag("trust_connect_host", note),
    untrusted: props.flag("untrusted", note),
    overHttp,
    oneEvent,
    subs,
    ...(clientCert !== undefined && { clientCert }),
  };
}

function parseHostPort(spec: string): { readonly hostname: string; readonly port: number } {
  const m = /^(?:\[([^\]]*)\]|([^[\]:]*)):([^:]*)$/.exec(spec);
  if (m === null) throw badTarget(spec);
  const [, v6, name, portText = ""] = m;
  if (v6 !== undefined ? !isIpv6(v6) : !isHostname(name ?? "")) throw badTarget(spec);
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65535) {
    throw bad(`target "${spec}": "${portText}" is no port: it must be a number from 1 to 65535`);
  }
  if (BLOCKED_PORTS.has(port)) {
    throw bad(
      `target "${spec}": this runtime refuses to connect to port ${port} (it is on the WHATWG list of bad ports): ` +
        "let the origin listen on another one",
    );
  }
  return { hostname: v6 ?? name ?? "", port };
}

function badTarget(spec: string): Error {
  if (spec === "") return bad("a target has no host:port before its properties");
  if (/^[a-z]+:\/\//i.test(spec)) {
    return bad(`target "${spec}" must be host:port without a scheme: say ",ssl" for https`);
  }
  if (isIpv6(spec.replace(/:\d+$/, "")) || isIpv6(spec)) {
    return bad(`target "${spec}": an IPv6 address stands in brackets, as in [::1]:8000`);
  }
  if (isHostname(spec) || /^\[[^\]]*\]$/.test(spec)) {
    return bad(`target "${spec}" has no port: write "${spec}:80"`);
  }
  return bad(`target "${spec}" must be host:port, [IPv6 address]:port or test`);
}

function isHostname(text: string): boolean {
  if (/^[\d.]+$/.test(text)) {
    const parts = text.split(".");
    return parts.length === 4 && parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) < 256);
  }
  return text.length <= 253 && isAuthority(text) && !/[[\]:,;!$&()*+=~]/.test(text) && !text.startsWith(".");
}

function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2 || !text.includes(":")) return false;
  let groups = 0;
  for (const [h, half] of halves.entries()) {
    if (half === "") continue;
    const parts = half.split(":");
    for (const [i, part] of parts.entries()) {
      const last = h === halves.length - 1 && i === parts.length - 1;
      if (last && part.includes(".")) {
        if (!isHostname(part) || !/^[\d.]+$/.test(part)) return false;
        groups += 2;
      } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups += 1;
      else return false;
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

function readClientCert(
  props: Properties,
  spec: string,
  options: TargetOptions,
): { readonly cert: string; readonly key: string } | undefined {
  const [certPath, keyPath] = [props.text("client_cert"), props.text("client_key")];
  if (certPath === undefined && keyPath === undefined) return undefined;
  if (certPath === undefined || keyPath === undefined) {
    const [there, missing] = certPath === undefined
      ? ["client_key", "client_cert"]
      : ["client_cert", "client_key"];
    throw bad(`target "${spec}" has ${there} but no ${missing}: give both`);
  }
  const read = (name: string, path: string): string => {
    if (options.readFile === undefined) throw bad(`target "${spec}": ${name} cannot be read here`);
    try {
      return options.readFile(path);
    } catch (e) {
      const why = e instanceof Error ? e.message : String(e);
      throw bad(`target "${spec}": ${name} "${path}" cannot be read: ${why.replace(/\s+/g, " ")}`);
    }
  };
  return { cert: read("client_cert", certPath), key: read("client_key", keyPath) };
}
