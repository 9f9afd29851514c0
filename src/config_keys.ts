/**
 * Every setting, once. This table is the Settings type, what TOML, INI and PUSHPIN_* accept, what `check` prints and
 * what pushpin.toml.example says; nothing about a key is written anywhere else. Names, sections and defaults are the
 * original's (spec 8.2); ours are marked as extensions.
 */
import { key, listen, localPorts, offsetPort, path, ports, spec, specs } from "./config_places.ts";
import { nearest } from "./config_wording.ts";
import {
  bool,
  choice,
  fileMode,
  forwardedRules,
  int,
  type Kind,
  levels,
  lines,
  list,
  optionalInt,
  services,
  string,
} from "./config_values.ts";

/** A setting with a value. */
export interface KeyDef<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  /** One line for the example file. */
  readonly doc: string;
  /** True where SIGHUP can change it; else it takes a restart. */
  readonly reload: boolean;
  /** Shown masked. */
  readonly secret?: boolean;
  /** Not in the original. */
  readonly extension?: boolean;
  /** Read and kept, but nothing follows it yet: setting it is a warning that says what is missing. */
  readonly pending?: string;
}

/** A setting of the original that is accepted and does nothing. */
export interface MeaninglessDef {
  readonly meaningless: string;
  /** The original sets it in internal.conf: not worth a warning there. */
  readonly internal?: boolean;
}

type More = Pick<Partial<KeyDef<unknown>>, "secret" | "extension" | "pending">;

/** SIGHUP changes it. */
function live<T>(kind: Kind<T>, value: NoInfer<T>, doc: string, more: More = {}): KeyDef<T> {
  return { kind, default: value, doc, reload: true, ...more };
}

/** Changing it takes a restart. */
function fixed<T>(kind: Kind<T>, value: NoInfer<T>, doc: string, more: More = {}): KeyDef<T> {
  return { kind, default: value, doc, reload: false, ...more };
}

const no = (meaningless: string): MeaninglessDef => ({ meaningless });
const internal: MeaninglessDef = {
  meaningless: "it names a socket between the original's processes, which are not there here",
  internal: true,
};
const ours = { extension: true } as const;
const MAX = 2_147_483_647;

export const KEYS = {
  global: {
    include: no("it names a file of defaults, which only a pushpin.conf can do; put the keys here"),
    rundir: fixed(
      path("cwd"),
      "run",
      "Folder of runtime files (sockets); relative to the working directory.",
    ),
    libdir: no("it is deprecated; it only fills {libdir}"),
    ipc_prefix: fixed(string, "pushpin-", "Begins the name of every socket file."),
    port_offset: fixed(
      int(0, 60000),
      0,
      "Added to push_in_http_port and to the port of every tcp:// address.",
    ),
    stats_connection_ttl: live(int(1, MAX), 120, "Seconds that a conn packet stays valid."),
    stats_connection_send: live(bool, true, "Send conn packets."),
    link_spec: fixed(
      string,
      "",
      `Address between proxy and handler: "<host>:<port>", or empty for a local socket in rundir.`,
      ours,
    ),
    link_secret: fixed(key, "", "What both ends of a TCP link must know.", { ...ours, secret: true }),
  },
  runner: {
    services: fixed(
      services,
      ["proxy", "handler"],
      "What to start. The original's connmgr is a part of proxy here.",
    ),
    http_port: fixed(ports, [{ port: 7999 }], "Ports for clients, [addr:]port; a list for several."),
    https_ports: fixed(ports, [], "Ports for clients with TLS, [addr:]port.", { pending: "TLS listeners" }),
    local_ports: fixed(localPorts, [], "Unix sockets for clients, path[?mode=&user=&group=].", {
      pending: "unix socket listeners",
    }),
    logdir: no("all processes log to one place: set log_file"),
    log_level: live(
      levels,
      { base: "info", services: {} },
      `0 error to 4 trace, or a list such as "2,proxy:3".`,
    ),
    log_file: live(path("cwd"), "", "Where the log goes; empty for standard output.", ours),
    log_format: fixed(choice(["text", "json"]), "text", `"text", or "json" for machines.`, ours),
    workers: fixed(int(0, 64), 0, "Proxy processes; 0 for one a core, at most 8.", ours),
    single_process: fixed(bool, false, "Everything in one process, for development.", ours),
    watchdog: live(
      int(0, 3600),
      10,
      "Seconds without a heartbeat until a process is replaced; 0 for never.",
      ours,
    ),
    drain: live(int(0, 3600), 5, "Seconds over which held clients are let go at the end.", ours),
    client_buffer_size: no("the runtime's HTTP server reads heads of up to 64 KiB whatever is set"),
    client_maxconn: no("the limit is the number of descriptors a process may have (ulimit -n)"),
    allow_compression: no("the runtime's WebSockets have no permessage-deflate"),
    mongrel2_bin: no("there is no Mongrel2 here"),
    m2sh_bin: no("there is no Mongrel2 here"),
    zurl_bin: no("there is no Zurl here"),
  },
  proxy: {
    routesfile: live(
      path("config"),
      "routes",
      "Where requests go; relative to this file. Read again when it changes.",
    ),
    routes: live(lines, [], "Routes in place of a routes file, as --route gives them.", ours),
    debug: live(bool, false, "Say more in the bodies of error responses."),
    auto_cross_origin: live(bool, false, "CORS and JSON-P on every route.", {
      pending: "cross-origin fields and JSON-P",
    }),
    accept_x_forwarded_protocol: live(bool, false, "Believe X-Forwarded-Proto of clients."),
    set_x_forwarded_protocol: live(
      choice(["true", "proto-only", "false"], {
        "": "false",
        off: "false",
        no: "false",
        none: "false",
        "0": "false",
      }),
      "proto-only",
      `Tell origins of https: "true" in X-Forwarded-Protocol as well, "proto-only", or "false".`,
    ),
    x_forwarded_for: live(forwardedRules, [], `What becomes of X-Forwarded-For: "truncate:N", "append".`),
    x_forwarded_for_trusted: live(forwardedRules, [], "The same for requests signed with upstream_key."),
    orig_headers_need_mark: live(list, [], "Headers that count as original only where they come marked."),
    accept_pushpin_route: live(bool, false, "Let Pushpin-Route choose the route by id."),
    cdn_loop: live(string, "", "Appended to CDN-Loop."),
    log_from: live(bool, false, "Client addresses in access lines."),
    log_user_agent: live(bool, false, "User agents in access lines."),
    sig_iss: live(string, "pushpin", "Issuer of Grip-Sig."),
    sig_key: live(
      key,
      "changeme",
      "Key of Grip-Sig: text, base64:…, or file:<path>. Empty for no Grip-Sig.",
      {
        secret: true,
      },
    ),
    upstream_key: live(key, "", "Key of other GRIP proxies in front, whose requests are trusted.", {
      secret: true,
    }),
    client_queue_bytes: live(int(1024, MAX), 1_048_576, "Unsent bytes at which a slow client is cut.", ours),
    origin_timeout: live(int(0, 86400), 0, "Seconds an origin may take for its head; 0 for no limit.", ours),
    sockjs_url: no("SockJS is not served"),
    workers: no("set [runner] workers"),
    max_open_requests: no("the limit is the number of descriptors a process may have (ulimit -n)"),
    ipc_file_mode: no("the proxy has no socket of its own; [handler] ipc_file_mode is about the handler's"),
    prometheus_port: fixed(listen, undefined, "Metrics of the proxy, [addr:]port.", {
      pending: "Prometheus metrics",
    }),
    prometheus_prefix: fixed(string, "", "Begins every metric's name.", { pending: "Prometheus metrics" }),
    stats_connections_max_ttl: no("it is about messages between the original's processes"),
    stats_report_interval: no("[handler] stats_report_interval sets it for all"),
    updates_check: no("nothing here ever calls home"),
    organization_name: no("nothing here ever calls home"),
  },
  handler: {
    ipc_file_mode: fixed(fileMode, undefined, `Mode of ipc:// socket files, as "660".`),
    push_in_spec: fixed(spec, "tcp://127.0.0.1:5560", "ZeroMQ PULL for publishing."),
    push_in_sub_specs: fixed(specs, ["tcp://127.0.0.1:5562"], "ZeroMQ SUB for publishing."),
    push_in_sub_connect: fixed(bool, false, "Connect push_in_sub_specs in place of binding the first."),
    push_in_http_addr: fixed(
      string,
      "127.0.0.1",
      "Address of the HTTP control port. It asks nobody who they are.",
    ),
    push_in_http_port: fixed(
      offsetPort,
      5561,
      `HTTP control port, for publishing; 0 any free one, "off" none.`,
    ),
    push_in_http_max_headers_size: live(int(100, MAX), 10_000, "Bytes of a publish request's head."),
    push_in_http_max_body_size: live(int(100, MAX), 1_000_000, "Bytes of a publish request's body."),
    stats_spec: fixed(spec, "ipc://{rundir}/{ipc_prefix}stats", "ZeroMQ PUB of statistics."),
    command_spec: fixed(spec, "tcp://127.0.0.1:5563", "ZeroMQ REP of commands."),
    message_rate: live(int(0, MAX), 0, "Deliveries a second; 0 for no limit (the original: 2500)."),
    message_hwm: live(
      int(0, MAX),
      0,
      "Deliveries a route may have waiting; 0 for no limit (the original: 25000).",
    ),
    message_block_size: live(
      optionalInt(1, MAX),
      undefined,
      "Bytes that count as one block, in statistics and for message_rate.",
    ),
    message_wait: live(int(0, 3_600_000), 5000, "Milliseconds an item waits for the one before it."),
    id_cache_ttl: live(
      int(0, MAX),
      60,
      "Seconds an item's id is remembered, so that it is not sent twice; 0 off.",
    ),
    update_on_first_subscription: live(
      bool,
      true,
      "Ask the origin again when a channel gets its first subscriber.",
    ),
    connection_subscription_max: live(int(1, 100_000), 20, "Channels a connection may have."),
    subscription_linger: live(int(0, MAX), 60, "Seconds a long-poll's subscription outlives it."),
    stats_subscription_ttl: live(int(1, MAX), 60, "Seconds that a sub packet stays valid."),
    stats_report_interval: live(int(0, MAX), 10, "Seconds between reports; 0 for none."),
    stats_format: live(choice(["tnetstring", "json"]), "tnetstring", `"tnetstring" or "json".`),
    share_all: live(bool, false, "Share equal requests to the origin.", {
      pending: "shared requests",
    }),
    state_spec: no("sessions over an outside state store are not in this program"),
    prometheus_port: fixed(listen, undefined, "Metrics of the handler, [addr:]port.", {
      pending: "Prometheus metrics",
    }),
    prometheus_prefix: fixed(string, "", "Begins every metric's name.", { pending: "Prometheus metrics" }),
  },
} as const;

export type SectionName = keyof typeof KEYS;
export const SECTIONS = ["global", "runner", "proxy", "handler"] as const satisfies readonly SectionName[];

type Known<S> = { readonly [K in keyof S as S[K] extends KeyDef<infer _> ? K : never]: Value<S[K]> };
type Value<D> = D extends KeyDef<infer T> ? T : never;

/** Every setting that has a meaning, by section, under the names of the file. */
export type Settings = { readonly [S in SectionName]: Known<(typeof KEYS)[S]> };

/** Other names that the original accepts, with where they belong. */
export const OLD_NAMES: Readonly<Record<string, { readonly key: string; readonly warn: boolean }>> = {
  "runner.rundir": { key: "global.rundir", warn: true },
  "handler.push_in_sub_spec": { key: "handler.push_in_sub_specs", warn: false },
};

/** What the table says of `section.key`; undefined where it has no such key. */
export function findKey(section: string, name: string): KeyDef<unknown> | MeaninglessDef | undefined {
  if (!isSection(section)) return undefined;
  const table: Readonly<Record<string, KeyDef<unknown> | MeaninglessDef>> = KEYS[section];
  if (Object.hasOwn(table, name)) return table[name];
  return isInternal(name, Object.keys(table)) ? internal : undefined;
}

export function isSection(name: string): name is SectionName {
  return Object.hasOwn(KEYS, name);
}

/** Every `[section, key, definition]` in the table's order. */
export function allKeys(): readonly (readonly [SectionName, string, KeyDef<unknown> | MeaninglessDef])[] {
  return SECTIONS.flatMap((section) =>
    Object.entries(KEYS[section]).map(([name, def]) => [section, name, def] as const)
  );
}

/** PUSHPIN_PROXY_SIG_KEY; PUSHPIN_RUNDIR for [global]. */
export function variableName(section: SectionName, name: string): string {
  return `PUSHPIN_${section === "global" ? "" : `${section}_`}${name}`.toUpperCase();
}

const INTERNAL =
  /^(m2a|condure|connmgr|zurl|intreq|handler|proxy|ws_control|retry|stats|command|accept|inspect|client|server)_\w*specs?$/;

/** A key of the original's internal.conf (`*_spec`, `*_specs`), and no misspelt one of ours. */
function isInternal(name: string, ours: readonly string[]): boolean {
  return INTERNAL.test(name) && nearest(name, ours) === undefined;
}
