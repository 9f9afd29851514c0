/** The kinds of setting that name a place: ports, sockets, ZeroMQ addresses, files and keys. */
import { isAbsolute, join } from "node:path";
import {
  type Kind,
  listOf,
  octal,
  optionalInt,
  quoted,
  type ResolveContext,
  same,
  string,
  textOf,
  ValueProblem,
  wrong,
} from "./config_values.ts";
import { suggestion } from "./config_wording.ts";

/** Where to listen; no address means every interface. */
export interface PortSpec {
  /** Without brackets for IPv6. */
  readonly address?: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
}

/** A port, or a unix socket. */
export type ListenSpec = PortSpec | { readonly path: string };

/** A unix socket that clients connect to. */
export interface LocalPort {
  readonly path: string;
  readonly mode?: number;
  readonly user?: string;
  readonly group?: string;
}

/** Port 0 stays "any free one". */
function shift(port: number, offset: number): number {
  return port === 0 ? 0 : port + offset;
}

/** A port that moves by port_offset (spec 8.1), or nothing. */
export const offsetPort: Kind<number | undefined> = {
  ...optionalInt(0, 65535),
  resolve: (value, context) => value === undefined ? value : shift(value, context.portOffset),
};

/** `[addr:]port`, IPv6 in brackets. @throws {ValueProblem} */
export function parsePort(raw: string): PortSpec {
  const expected = `a port as "7999", "127.0.0.1:7999" or "[::1]:7999"`;
  const match = /^(?:(\[[0-9a-fA-F:.%a-z]+\]|[^\s:[\]/]+):|:)?(\d{1,5})$/.exec(raw);
  const port = Number(match?.[2]);
  if (match === null || port > 65535) throw wrong(expected, raw);
  const address = match[1]?.replace(/^\[|\]$/g, "");
  return address === undefined || address === "*" ? { port } : { address, port };
}

export function formatPort(spec: PortSpec): string {
  if (spec.address === undefined) return String(spec.port);
  return spec.address.includes(":") ? `[${spec.address}]:${spec.port}` : `${spec.address}:${spec.port}`;
}

const portList = listOf("a list of ports ([addr:]port)", parsePort, formatPort);
export const ports: Kind<readonly PortSpec[]> = {
  ...portList,
  format: (value) => {
    const [first, ...more] = value;
    if (first === undefined || more.length > 0) return portList.format(value);
    return first.address === undefined ? String(first.port) : quoted(formatPort(first));
  },
};

/** Where to serve metrics: a port, `ipc://path`, or nothing. */
export const listen: Kind<ListenSpec | undefined> = {
  expected: `[addr:]port, ipc://<path> or "off"`,
  emptyText: true,
  text: (raw) => {
    if (raw === "" || raw === "off") return undefined;
    return raw.startsWith("ipc://") ? { path: raw.slice(6) } : parsePort(raw);
  },
  toml: (raw) => listen.text(typeof raw === "number" ? String(raw) : textOf(raw)),
  format: (value) => {
    if (value === undefined) return `"off"`;
    return quoted("path" in value ? `ipc://${value.path}` : formatPort(value));
  },
  resolve: (value, context) =>
    value !== undefined && "path" in value
      ? { path: inCwd(substitute(value.path, context), context) }
      : value,
};

/** `path[?mode=<octal>&user=<u>&group=<g>]`. */
export const localPorts: Kind<readonly LocalPort[]> = {
  ...listOf<LocalPort>(
    `a list of paths with ?mode=, &user=, &group=`,
    (raw) => {
      const [path = "", query = ""] = raw.split("?", 2);
      const options = new URLSearchParams(query);
      for (const name of options.keys()) {
        if (!["mode", "user", "group"].includes(name)) {
          throw new ValueProblem(
            `has an unknown option "${name}"${suggestion(name, ["mode", "user", "group"])}`,
          );
        }
      }
      const mode = options.get("mode"), user = options.get("user"), group = options.get("group");
      return {
        path,
        ...(mode === null ? {} : { mode: octal(mode) }),
        ...(user === null ? {} : { user }),
        ...(group === null ? {} : { group }),
      };
    },
    (port) => {
      const options = [
        port.mode === undefined ? "" : `mode=${port.mode.toString(8)}`,
        port.user === undefined ? "" : `user=${port.user}`,
        port.group === undefined ? "" : `group=${port.group}`,
      ].filter((option) => option !== "");
      return options.length === 0 ? port.path : `${port.path}?${options.join("&")}`;
    },
  ),
  resolve: (value, context) =>
    value.map((port) => ({ ...port, path: inCwd(substitute(port.path, context), context) })),
};

function substitute(text: string, context: ResolveContext): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => context.variables[name] ?? whole);
}

function inCwd(path: string, context: ResolveContext): string {
  return path === "" || isAbsolute(path) ? path : join(context.cwd, path);
}

/** A file; relative ones stand beside the configuration file, or (`cwd`) in the working directory. Empty stays empty. */
export function path(base: "config" | "cwd"): Kind<string> {
  return {
    ...string,
    expected: "a path",
    resolve: (value, context) => {
      const full = substitute(value, context);
      if (full === "" || isAbsolute(full)) return full;
      return join(base === "config" ? context.configDir : context.cwd, full);
    },
  };
}

/** A key (spec 1.5): text, `base64:…`, or `file:path`, made absolute here. */
export const key: Kind<string> = {
  ...string,
  resolve: (value, context) => {
    if (!value.startsWith("file:") || isAbsolute(value.slice(5))) return value;
    return `file:${join(context.configDir, value.slice(5))}`;
  },
};

function resolveSpec(value: string, context: ResolveContext): string {
  const full = substitute(value, context);
  if (full.startsWith("ipc://")) return `ipc://${inCwd(full.slice(6), context)}`;
  const port = /^tcp:\/\/.*:(\d+)$/.exec(full)?.[1];
  if (port === undefined) return full;
  return full.slice(0, full.length - port.length) + shift(Number(port), context.portOffset);
}

function checkSpec(raw: string): string {
  if (raw === "off") return "";
  if (raw !== "" && !/^(tcp:\/\/\S+:(\d{1,5}|\*)|ipc:\/\/.+)$/.test(raw)) {
    throw wrong(`"tcp://<address>:<port>", "ipc://<path>" or "off"`, raw);
  }
  return raw;
}

/** A ZeroMQ address; empty or "off" for none. Ports move by port_offset (spec 8.1). */
export const spec: Kind<string> = {
  expected: `"tcp://<address>:<port>" or "ipc://<path>"`,
  emptyText: true,
  text: checkSpec,
  toml: (raw) => checkSpec(textOf(raw)),
  format: quoted,
  resolve: resolveSpec,
};

export const specs: Kind<readonly string[]> = {
  ...listOf(`a list of "tcp://<address>:<port>" or "ipc://<path>"`, checkSpec, same),
  resolve: (value, context) => value.filter((one) => one !== "").map((one) => resolveSpec(one, context)),
};
