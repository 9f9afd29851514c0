/** Where the handler listens for its proxies: a local socket, or TCP for two machines. */
import { PushpinError } from "../../errors.ts";

export type LinkAddress =
  | { readonly transport: "unix"; readonly path: string }
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number };

/** Linux's limit of a socket address, less the terminating zero. */
const MAX_UNIX_PATH_BYTES = 107;

/** The address that settings mean: `link_spec`, or else a socket file in `rundir`. */
export function linkAddress(
  global: { readonly link_spec: string; readonly rundir: string; readonly ipc_prefix: string },
): LinkAddress {
  return parseLinkAddress(global.link_spec || `ipc://${global.rundir}/${global.ipc_prefix}link`);
}

/**
 * Reads `ipc://<path>`, `unix:<path>` or `[tcp://]<host>:<port>` (IPv6 in brackets; `*` is every address).
 * @throws {PushpinError} `PUSHPIN_CONFIG_INVALID`, naming the address.
 */
export function parseLinkAddress(spec: string): LinkAddress {
  const unix = /^(?:ipc:\/\/|unix:(?:\/\/)?)(.+)$/.exec(spec)?.[1];
  if (unix !== undefined) {
    const length = new TextEncoder().encode(unix).length;
    if (length > MAX_UNIX_PATH_BYTES) {
      throw new PushpinError(
        "PUSHPIN_CONFIG_INVALID",
        `Cannot use link address "${spec}": the path has ${length} bytes, a socket's may have ${MAX_UNIX_PATH_BYTES}: ` +
          `set a shorter rundir or link_spec`,
      );
    }
    return { transport: "unix", path: unix };
  }
  const tcp = /^(?:tcp:\/\/)?(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(spec);
  const port = Number(tcp?.[3] ?? Number.NaN);
  if (tcp === null || !(port <= 65535)) {
    throw new PushpinError(
      "PUSHPIN_CONFIG_INVALID",
      `Cannot use link address "${spec}": it is neither "<host>:<port>" nor "ipc://<path>"`,
    );
  }
  const hostname = tcp[1] ?? tcp[2] ?? "";
  return { transport: "tcp", hostname: hostname === "*" ? "0.0.0.0" : hostname, port };
}

/** The address as a person writes it. */
export function formatLinkAddress(address: LinkAddress): string {
  if (address.transport === "unix") return `ipc://${address.path}`;
  const host = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return `tcp://${host}:${address.port}`;
}
