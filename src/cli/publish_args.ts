/** The arguments of `pushpin publish` (spec 8.4), read into exact types. Pure. */
import { decodeBase64Leniently } from "../grip/base64.ts";
import type { Header } from "../grip/head.ts";
import { latin1String, utf8 } from "../grip/text.ts";
import { type ParsedFlags, usage } from "./flags.ts";

export type PublishAuth =
  | { readonly kind: "basic"; readonly userPass: string }
  | { readonly kind: "bearer"; readonly token: string }
  /** A JWT signed with HS256 is made when it is sent. */
  | { readonly kind: "jwt"; readonly iss: string; readonly key: Uint8Array };

export type PublishTarget =
  /** `url` is the whole address to post to, without query and credentials. */
  | { readonly kind: "http"; readonly url: string; readonly auth?: PublishAuth }
  | { readonly kind: "zmq"; readonly spec: string };

export type ContentSource =
  | { readonly from: "text"; readonly text: string }
  /** Sent as it is. */
  | { readonly from: "file"; readonly path: string }
  | { readonly from: "stdin" };

export interface PublishRequest {
  readonly channel: string;
  readonly id?: string;
  readonly prevId?: string;
  readonly meta: ReadonlyMap<string, string>;
  readonly noSeq: boolean;
  readonly what:
    | { readonly action: "hint" | "close" }
    | { readonly action: "patch"; readonly content: ContentSource; readonly response: ResponsePart }
    | {
      readonly action: "send";
      readonly content: ContentSource;
      readonly eol: boolean;
      readonly response: ResponsePart;
    };
  readonly target: PublishTarget;
  readonly report: boolean;
}

/** What of it only long-polls see. */
export interface ResponsePart {
  readonly code: number;
  readonly headers: readonly Header[];
}

/** @throws {PushpinError} `PUSHPIN_USAGE` */
export function parsePublish(
  { flags, positionals }: ParsedFlags,
  env: Readonly<Record<string, string>>,
): PublishRequest {
  const last = (name: string): string | undefined => flags.get(name)?.at(-1);
  const [channel, content, extra] = positionals;
  if (channel === undefined || channel === "") {
    throw usage("A channel is needed: write pushpin publish <channel> <content>");
  }
  if (extra !== undefined) {
    throw usage(`Too many arguments from "${extra}" on: quote a content that has spaces`);
  }
  const actions = ["hint", "close", "patch"].filter((name) => flags.has(name));
  if (actions.length > 1) throw usage(`--${actions[0]} and --${actions[1]} exclude each other`);
  const sender = last("sender");
  const id = last("id"), prevId = last("prev-id");
  return {
    channel,
    ...(id === undefined ? {} : { id }),
    ...(prevId === undefined ? {} : { prevId }),
    meta: new Map([
      ...(flags.get("meta") ?? []).map(parseMeta),
      ...(sender === undefined ? [] : [["sender", sender] as const]),
    ]),
    noSeq: flags.has("no-seq"),
    what: parseWhat(actions[0], content, flags),
    target: parseTarget(flags, env),
    report: flags.has("report"),
  };
}

function parseWhat(
  action: string | undefined,
  content: string | undefined,
  flags: ParsedFlags["flags"],
): PublishRequest["what"] {
  if (action === "hint" || action === "close") {
    if (content !== undefined) throw usage(`--${action} takes no content, is "${content}"`);
    return { action };
  }
  if (content === undefined) throw usage("Must specify content: a text, @file, or - for standard input");
  const code = flags.get("code")?.at(-1) ?? "200";
  if (!/^\d{1,3}$/.test(code)) throw usage(`--code must be a whole number from 0 to 999, is "${code}"`);
  const response = { code: Number(code), headers: (flags.get("header") ?? []).map(parseHeader) };
  if (content === "@") throw usage(`A file name is needed behind "@"`);
  const source: ContentSource = content === "-"
    ? { from: "stdin" }
    : content.startsWith("@")
    ? { from: "file", path: content.slice(1) }
    : { from: "text", text: content };
  if (action === "patch") return { action: "patch", content: source, response };
  return { action: "send", content: source, eol: !flags.has("no-eol"), response };
}

function parseHeader(raw: string): Header {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/s.exec(raw);
  // deno-lint-ignore no-control-regex
  if (match === null || /[\x00-\x08\x0a-\x1f\x7f]/.test(raw)) {
    throw usage(`--header must be "Name: value", is ${JSON.stringify(raw)}`);
  }
  // Header values are bytes written as latin-1; what was typed is text.
  return [match[1] ?? "", latin1String(utf8(match[2] ?? ""))];
}

function parseMeta(raw: string): readonly [string, string] {
  const equals = raw.indexOf("=");
  if (equals < 1) throw usage(`--meta must be "name=value", is "${raw}"`);
  return [raw.slice(0, equals), raw.slice(equals + 1)];
}

function parseTarget(flags: ParsedFlags["flags"], env: Readonly<Record<string, string>>): PublishTarget {
  const given = flags.get("spec")?.at(-1);
  const fromEnv = env.GRIP_URL === undefined || env.GRIP_URL === "" ? undefined : env.GRIP_URL;
  const spec = given ?? fromEnv ?? "http://localhost:5561";
  const where = given !== undefined ? "--spec" : "GRIP_URL";
  const user = flags.get("user")?.at(-1), bearer = flags.get("bearer")?.at(-1);
  if (user !== undefined && bearer !== undefined) throw usage("--user and --bearer exclude each other");

  if (/^(tcp|ipc):\/\/./.test(spec)) {
    if (user !== undefined || bearer !== undefined) {
      throw usage("Credentials need https: ZeroMQ carries none");
    }
    return { kind: "zmq", spec };
  }
  const url = /^https?:\/\//i.test(spec) && URL.canParse(spec) ? new URL(spec) : undefined;
  if (url === undefined || url.hostname === "") {
    throw usage(
      `${where} must be http://, https://, tcp:// or ipc:// and an address, is "${withoutKey(spec)}"`,
    );
  }
  if (user !== undefined && !user.includes(":")) throw usage(`--user must be user:pass, has no ":"`);
  const auth: PublishAuth | undefined = user !== undefined
    ? { kind: "basic", userPass: user }
    : bearer !== undefined
    ? { kind: "bearer", token: bearer }
    : authOf(url, where);
  if (auth !== undefined && url.protocol === "http:" && !isLoopbackHost(url.hostname)) {
    throw usage(`Credentials need https: "${url.host}" is another machine and would get them in the clear`);
  }
  if (auth?.kind === "bearer" && !/^[\x21-\x7e]+$/.test(auth.token)) {
    throw usage("A bearer token must be printable characters without spaces");
  }
  const base = `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
  return { kind: "http", url: `${base}/publish/`, ...(auth === undefined ? {} : { auth }) };
}

/** The credentials a GRIP_URL carries (spec 8.5): `iss` and `key`, a `key` alone, or `user:pass@`. */
function authOf(url: URL, where: string): PublishAuth | undefined {
  const query = parameters(url.search);
  const iss = query.get("iss"), key = query.get("key");
  if (key !== undefined && key !== "") {
    if (iss === undefined || iss === "") return { kind: "bearer", token: key };
    const bytes = key.startsWith("base64:") ? decodeBase64Leniently(key.slice(7)) : utf8(key);
    if (bytes.length === 0) throw usage(`${where} has a key that is empty once decoded`);
    return { kind: "jwt", iss, key: bytes };
  }
  if (url.username === "" && url.password === "") return undefined;
  return { kind: "basic", userPass: `${decoded(url.username)}:${decoded(url.password)}` };
}

/** Unlike URLSearchParams this leaves "+" alone: keys are base64, and the libraries write them as they are. */
function parameters(search: string): ReadonlyMap<string, string> {
  return new Map(
    search.replace(/^\?/, "").split("&").filter((part) => part !== "").map((part) => {
      const equals = part.indexOf("=");
      return equals < 0
        ? [decoded(part), ""]
        : [decoded(part.slice(0, equals)), decoded(part.slice(equals + 1))];
    }),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray "%" is itself, as in the libraries
  }
}

/** Nothing secret may land in a message. */
function withoutKey(spec: string): string {
  return spec.replace(/\?.*$/s, "").replace(/\/\/[^/@]*@/, "//");
}

/** This machine: credentials may go there without TLS, and no proxy stands in between. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
