/** Where a socket binds or connects: `tcp://host:port` and `ipc://path`, the way libzmq writes them. Pure. */
import { PushpinError } from "../../errors.ts";

export type Endpoint =
  /** `host` without the brackets of IPv6; port 0 asks the system for one when binding. */
  | { readonly transport: "tcp"; readonly host: string; readonly port: number }
  | { readonly transport: "ipc"; readonly path: string };

/** Linux: `sun_path` has 108 bytes, one for the final NUL. */
const MAX_IPC_PATH_BYTES = 107;

/**
 * Reads a spec: `tcp://127.0.0.1:5560`, `tcp://[::1]:5560`, `tcp://*:5560` (all IPv4 interfaces), `tcp://host:*` or
 * port 0 (any port), `ipc:///run/x/stats`, `ipc://relative`.
 *
 * @throws {PushpinError} `PUSHPIN_CONFIG_INVALID`, quoting the spec.
 */
export function parseEndpoint(spec: string): Endpoint {
  if (spec.startsWith("ipc://")) return parseIpc(spec);
  if (spec.startsWith("tcp://")) return parseTcp(spec);
  throw invalid(spec, 'it names no transport we speak: use "tcp://host:port" or "ipc://path"');
}

/** The spec of an endpoint, as `parseEndpoint` reads it. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.transport === "ipc") return `ipc://${endpoint.path}`;
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `tcp://${host}:${endpoint.port}`;
}

/**
 * The spec moved by `port_offset`: a TCP port goes up by it, "any port" and ipc paths stay (the prefix of a path is the
 * caller's).
 *
 * @throws {PushpinError} `PUSHPIN_CONFIG_INVALID` for a spec that cannot be read and a port that would pass 65535.
 */
export function offsetSpec(spec: string, offset: number): string {
  const endpoint = parseEndpoint(spec);
  if (offset === 0 || endpoint.transport === "ipc" || endpoint.port === 0) return spec;
  const port = endpoint.port + offset;
  if (port < 1 || port > 65535) throw invalid(spec, `moved by port offset ${offset} its port is ${port}`);
  return spec.slice(0, spec.lastIndexOf(":") + 1) + port;
}

function parseIpc(spec: string): Endpoint {
  const path = spec.slice("ipc://".length);
  if (path === "") throw invalid(spec, "it has no path");
  if (path.startsWith("@")) throw invalid(spec, "abstract sockets are not supported: use a path");
  if (path === "*") {
    throw invalid(spec, 'wildcard paths are not supported: name a file, e.g. "ipc:///tmp/x.sock"');
  }
  if (path.includes("\0")) throw invalid(spec, "its path contains NUL");
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > MAX_IPC_PATH_BYTES) {
    throw invalid(
      spec,
      `its path has ${bytes} bytes and the system takes ${MAX_IPC_PATH_BYTES}: use a shorter rundir`,
    );
  }
  return { transport: "ipc", path };
}

function parseTcp(spec: string): Endpoint {
  const rest = spec.slice("tcp://".length);
  const colon = rest.lastIndexOf(":");
  if (colon < 1) throw invalid(spec, "it has no port");
  const port = parsePort(spec, rest.slice(colon + 1));
  const host = rest.slice(0, colon);
  if (host === "*") return { transport: "tcp", host: "0.0.0.0", port };
  if (host.startsWith("[") && host.endsWith("]")) {
    const inner = host.slice(1, -1);
    if (!/^[0-9A-Fa-f:.]+(%[0-9A-Za-z_.-]+)?$/.test(inner)) {
      throw invalid(spec, `"${inner}" is no IPv6 address`);
    }
    return { transport: "tcp", host: inner, port };
  }
  if (host.includes(":")) throw invalid(spec, 'an IPv6 address needs brackets, e.g. "tcp://[::1]:5560"');
  if (!/^[0-9A-Za-z_.-]+$/.test(host)) throw invalid(spec, `"${host}" is no host name or address`);
  return { transport: "tcp", host, port };
}

function parsePort(spec: string, text: string): number {
  if (text === "*") return 0;
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65535) throw invalid(spec, `"${text}" is no port: use 0 to 65535 or "*"`);
  return port;
}

function invalid(spec: string, what: string): PushpinError {
  return new PushpinError("PUSHPIN_CONFIG_INVALID", `Cannot use ZeroMQ endpoint "${spec}": ${what}`);
}
