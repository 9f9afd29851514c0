/** The left side of a line: how a request finds it, and what is done to the request (spec 7.2). */
import type { Header } from "../grip/head.ts";
import type { JsonpOptions, Route, RouteCondition } from "./route.ts";
import { isAuthority, type Note, Properties } from "./section.ts";
import { bad, type Section } from "./tokenize.ts";

/** Properties that are understood and kept, but that nothing acts on yet. */
const NOT_BUILT: readonly string[] = [
  "aco",
  "jsonp_mode",
  "jsonp_cb",
  "jsonp_body",
  "jsonp_defcb",
  "jsonp_defmethod",
  "session",
  "sockjs",
  "sockjs_as_path",
];

export const CONDITION_PROPERTIES: ReadonlySet<string> = new Set([
  "proto",
  "ssl",
  "id",
  "path_beg",
  "path_rem",
  "replace_beg",
  "as_host",
  "sig_iss",
  "sig_key",
  "prefix",
  "header",
  "orig_headers",
  "debug",
  ...NOT_BUILT,
  "no_grip",
  "log_level",
]);

export interface ConditionOptions {
  /** Makes the path of a `file:` key absolute; absent leaves it as written. */
  readonly resolveKeyPath?: (path: string) => string;
}

/** @throws {PushpinError} `PUSHPIN_ROUTE_INVALID`, naming the property and its value. */
export function parseCondition(
  section: Section,
  note: Note,
  options: ConditionOptions = {},
): Omit<Route, "where" | "targets"> {
  const props = new Properties(section);
  const condition = parseMatching(section, props, note);
  const id = props.text("id");
  if (condition.host === undefined && id === undefined) {
    throw bad("no request can find this line: begin it with a host or *, or give it an id");
  }
  const ignored = NOT_BUILT.filter((name) => props.has(name));
  if (ignored.length > 0) {
    note(`${ignored.join(", ")} ${ignored.length > 1 ? "are" : "is"} not built yet and ignored`);
  }
  const sockjs = props.text("sockjs");
  const logLevel = props.number("log_level", 4);
  const route = {
    ...defined("id", id),
    condition,
    pathRem: props.number("path_rem", 65535) ?? 0,
    ...defined("replaceBeg", props.value("replace_beg")),
    ...defined("asHost", authority(props, "as_host")),
    ...defined("sigIss", props.text("sig_iss")),
    ...defined("sigKey", signatureKey(props.text("sig_key"), options)),
    prefix: props.value("prefix") ?? "",
    headers: props.all("header").map(parseHeader),
    origHeaders: props.flag("orig_headers", note),
    debug: props.flag("debug", note),
    grip: !props.flag("no_grip", note),
    autoCrossOrigin: props.flag("aco", note),
    jsonp: parseJsonp(props),
    session: props.flag("session", note),
    ...(sockjs !== undefined && {
      sockjs: { prefix: sockjs, ...defined("asPath", props.text("sockjs_as_path")) },
    }),
    ...defined("logLevel", logLevel),
  };
  return route;
}

function parseMatching(section: Section, props: Properties, note: Note): RouteCondition {
  const proto = props.oneOf("proto", ["http", "ws"]);
  const ssl = props.oneOf("ssl", ["yes", "no"]);
  const pathBeg = props.value("path_beg");
  if (pathBeg === "") throw bad("path_beg is empty: leave it out to match every path");
  // deno-lint-ignore no-control-regex
  if (pathBeg !== undefined && !/^\/[^\x00-\x20"<>?#{}\x7f-\uffff]*$/.test(pathBeg)) {
    note(
      `path_beg "${pathBeg}" can match no request: a path begins with "/", has no query, ` +
        "and what is not plain in a URL comes percent-encoded",
    );
  }
  return {
    ...defined("host", conditionHost(section.value, note)),
    ...defined("proto", proto),
    ...(ssl !== undefined && { ssl: ssl === "yes" }),
    ...defined("pathBeg", pathBeg),
  };
}

function conditionHost(value: string | undefined, note: Note): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (value === "*") return value;
  if (value.includes("*")) {
    note(`host "${value}" matches only itself: there are no patterns but a lone *`);
  } else if (/^[^:[\]]+:\d+$/.test(value) || /^\[.*\]:\d+$/.test(value)) {
    note(`host "${value}" can match no request: write it without the port, which is not looked at`);
  }
  // Hosts are compared in lower case; a capital here could never match.
  const host = value.toLowerCase();
  return /^\[[0-9a-f:.]+\]$/.test(host) ? host.slice(1, -1) : host;
}

function authority(props: Properties, name: string): string | undefined {
  const value = props.text(name);
  if (value !== undefined && !isAuthority(value)) {
    throw bad(`${name} must be host or host:port, not "${value}"`);
  }
  return value;
}

function signatureKey(key: string | undefined, options: ConditionOptions): string | undefined {
  if (key === undefined || !key.startsWith("file:") || options.resolveKeyPath === undefined) return key;
  return `file:${options.resolveKeyPath(key.slice(5))}`;
}

function parseHeader(text: string): Header {
  const colon = text.indexOf(":");
  if (colon === -1) throw bad(`header must be "Name:Value", not "${text}"`);
  const name = text.slice(0, colon);
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
    throw bad(`header "${text}": "${name}" cannot be the name of a field`);
  }
  const value = byteString(text.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ""));
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    throw bad(`header "${name}": a control character cannot stand in a value`);
  }
  return [name, value];
}

/** The UTF-8 bytes of the file as the latin-1 string that stands for them in a head. */
function byteString(text: string): string {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

function parseJsonp(props: Properties): JsonpOptions {
  const mode = props.oneOf("jsonp_mode", ["basic", "extended"]) ?? "extended";
  return {
    mode,
    callback: props.text("jsonp_cb") ?? "callback",
    ...defined("body", props.text("jsonp_body")),
    ...defined("defaultCallback", props.text("jsonp_defcb")),
    defaultMethod: props.text("jsonp_defmethod") ?? (mode === "basic" ? "POST" : "GET"),
  };
}

/** `{name: value}`, or nothing where there is no value: a route has no member that is undefined. */
function defined<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };
}
