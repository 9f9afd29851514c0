/**
 * `pushpin publish`: what `pushpin-publish` of the original does (spec 8.4), over the HTTP control port of this or any
 * other Pushpin. Each failure is one line that says what would do.
 */
import { SignJWT } from "jose";
import { encodeBase64 } from "@std/encoding/base64";
import {
  type ContentSource,
  isLoopbackHost,
  type PublishAuth,
  type PublishRequest,
  type PublishTarget,
} from "../../cli/publish_args.ts";
import { describeError, PushpinError } from "../../errors.ts";
import { encodePublishItem } from "../../grip/publish_encode.ts";
import type { Formats, JsonPatch, PublishItem } from "../../grip/publish_item.ts";
import { publishOverZmq } from "./publish_zmq.ts";
import { reasonFor } from "../../grip/status.ts";
import { strictText, utf8 } from "../../grip/text.ts";

/** What publishing needs of the world. */
export interface PublishIo {
  readFile(path: string): Promise<Uint8Array>;
  readStdin(): Promise<Uint8Array>;
  /** Seconds since 1970, for the token's end. */
  nowSeconds(): number;
}

const TIME_LIMIT_MS = 10_000;
const TOKEN_SECONDS = 3600;

/**
 * Publishes, and returns what to print.
 *
 * @throws {PushpinError} `PUSHPIN_PUBLISH_FAILED` or `PUSHPIN_USAGE`, one line.
 */
export async function runPublish(request: PublishRequest, io: PublishIo): Promise<string> {
  const item = await buildItem(request, io);
  if (request.target.kind === "zmq") {
    await publishOverZmq(request.target.spec, item);
    return request.report ? "Published\nZeroMQ gives no report\n" : "Published\n";
  }
  return await publishOverHttp(request.target, item, { report: request.report, nowSeconds: io.nowSeconds() });
}

/** The item of a request, its content read. */
export async function buildItem(request: PublishRequest, io: PublishIo): Promise<PublishItem> {
  return {
    channel: request.channel,
    ...(request.id === undefined ? {} : { id: request.id }),
    ...(request.prevId === undefined ? {} : { prevId: request.prevId }),
    formats: await buildFormats(request.what, io),
    meta: request.meta,
    noSeq: request.noSeq,
  };
}

async function buildFormats(what: PublishRequest["what"], io: PublishIo): Promise<Formats> {
  switch (what.action) {
    case "hint":
      return {
        "http-response": { action: "hint" },
        "http-stream": { action: "hint" },
        "ws-message": { action: "hint" },
      };
    case "close":
      return { "http-stream": { action: "close" }, "ws-message": { action: "close" } };
    case "patch": {
      const patch = parsePatch(await readContent(what.content, io));
      return { "http-response": { action: "send", ...head(what.response), body: { patch } } };
    }
    case "send": {
      const content = await readContent(what.content, io);
      // A file is sent as it is, and a WebSocket message ends by itself.
      const line = what.eol && what.content.from === "text" ? utf8(`${what.content.text}\n`) : content;
      return {
        "http-response": { action: "send", ...head(what.response), body: line },
        "http-stream": { action: "send", content: line },
        "ws-message": {
          action: "send",
          type: strictText(content) === undefined ? "binary" : "text",
          content,
        },
      };
    }
  }
}

function head(response: { readonly code: number; readonly headers: readonly (readonly [string, string])[] }) {
  return { code: response.code, reason: reasonFor(response.code), headers: response.headers };
}

async function readContent(source: ContentSource, io: PublishIo): Promise<Uint8Array> {
  if (source.from === "text") return utf8(source.text);
  const name = source.from === "file" ? `"${source.path}"` : "standard input";
  try {
    return source.from === "file" ? await io.readFile(source.path) : await io.readStdin();
  } catch (e) {
    const why = e instanceof Deno.errors.NotFound ? "there is no such file" : describeError(e);
    throw new PushpinError("PUSHPIN_PUBLISH_FAILED", `Cannot read ${name}: ${why}`, { cause: e });
  }
}

function parsePatch(content: Uint8Array): JsonPatch {
  let value: unknown;
  try {
    value = JSON.parse(strictText(content) ?? "");
  } catch {
    value = undefined; // said below: what is not JSON is not an array either
  }
  if (!Array.isArray(value) || !value.every(isObject)) {
    throw new PushpinError(
      "PUSHPIN_USAGE",
      `The patch content must be a JSON array of operations, as [{"op":"add",…}]`,
    );
  }
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Posts one item; the text that comes back is what to print. */
export async function publishOverHttp(
  target: Extract<PublishTarget, { kind: "http" }>,
  item: PublishItem,
  options: { readonly report: boolean; readonly nowSeconds: number; readonly timeLimitMs?: number },
): Promise<string> {
  const { url } = target;
  const hostname = new URL(url).hostname;
  if (isLoopbackHost(hostname)) ignoreProxies();
  const headers = new Headers({ "content-type": "application/json", "accept-encoding": "identity" });
  if (options.report) headers.set("prefer", "return=representation");
  if (options.report) headers.set("accept", "application/json");
  if (target.auth !== undefined) {
    headers.set("authorization", await authorization(target.auth, options.nowSeconds));
  }
  const limitMs = options.timeLimitMs ?? TIME_LIMIT_MS;
  const signal = AbortSignal.timeout(limitMs);
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  let status: number, text: string;
  try {
    const body = JSON.stringify({ items: [encodePublishItem(item)] });
    const init: RequestInit & { client: Deno.HttpClient } = {
      method: "POST",
      headers,
      body,
      client,
      signal,
      redirect: "manual",
    };
    const response = await fetch(url, init);
    status = response.status;
    text = await response.text();
  } catch (e) {
    throw failed(url, why(e, signal, limitMs), e);
  }
  if (status !== 200) throw failed(url, refusal(status, text));
  return options.report ? describeReport(text) : "Published\n";
}

/**
 * The runtime sends even 127.0.0.1 through HTTP_PROXY, and NO_PROXY=* does not keep it from that. Taking the variables
 * out of this process is the one way; the process does nothing but publish.
 */
function ignoreProxies(): void {
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]) {
    Deno.env.delete(name);
    Deno.env.delete(name.toLowerCase());
  }
}

async function authorization(auth: PublishAuth, nowSeconds: number): Promise<string> {
  switch (auth.kind) {
    case "basic":
      return `Basic ${encodeBase64(utf8(auth.userPass))}`;
    case "bearer":
      return `Bearer ${auth.token}`;
    case "jwt": {
      const jwt = new SignJWT({ iss: auth.iss, exp: nowSeconds + TOKEN_SECONDS });
      return `Bearer ${await jwt.setProtectedHeader({ typ: "JWT", alg: "HS256" }).sign(auth.key)}`;
    }
  }
}

function failed(url: string, what: string, cause?: unknown): PushpinError {
  return new PushpinError("PUSHPIN_PUBLISH_FAILED", `Cannot publish to ${url}: ${what}`, { cause });
}

function why(thrown: unknown, signal: AbortSignal, limitMs: number): string {
  const text = describeError(thrown);
  if (signal.aborted) return `no answer within ${limitMs / 1000} s`;
  if (/refused/i.test(text)) {
    return "connection refused: start pushpin there, or name another address with --spec";
  }
  if (/dns|lookup|resolve/i.test(text)) {
    return "the host's name cannot be resolved: name another one with --spec";
  }
  return text;
}

function refusal(status: number, text: string): string {
  const said = text.trim().replace(/\s+/g, " ").slice(0, 300);
  const answer = `the server answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status === 401 || status === 403) {
    return `${answer}: give credentials with GRIP_URL, --user or --bearer`;
  }
  if (status === 404 || status === 405) return `${answer}: is this the control port (5561)?`;
  return answer;
}

/** A line for each item: `channel "test": 3 receivers (1 long-poll, 2 streams), 0 dropped`. */
function describeReport(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `Published\nThe server gives no report\n`; // the original ignores the wish and answers in plain text
  }
  const items = isObject(value) && Array.isArray(value.items) ? value.items.filter(isObject) : [];
  if (items.length === 0) return `Published\nThe server gives no report\n`;
  return `Published\n${items.map((item) => `${describeItem(item)}\n`).join("")}`;
}

const KINDS = { "http-response": "long-poll", "http-stream": "stream", "ws-message": "WebSocket" } as const;

function describeItem(item: Readonly<Record<string, unknown>>): string {
  const matched = Number(item.matched ?? 0);
  const receivers = isObject(item.receivers) ? item.receivers : {};
  const kinds = Object.entries(KINDS).flatMap(([name, word]) => {
    const count = Number(receivers[name] ?? 0);
    return count > 0 ? [`${count} ${word}${count === 1 ? "" : "s"}`] : [];
  });
  const dropped = Object.entries(isObject(item.dropped) ? item.dropped : {}).filter(([, n]) => Number(n) > 0);
  const lost = dropped.length === 0
    ? ""
    : `, dropped: ${dropped.map(([why, n]) => `${n} ${why}`).join(", ")}`;
  const status = typeof item.status === "string" && item.status !== "published" ? ` [${item.status}]` : "";
  const reason = typeof item.reason === "string" ? ` (${item.reason})` : "";
  const by = kinds.length === 0 ? "" : ` (${kinds.join(", ")})`;
  return `channel "${String(item.channel)}"${status}${reason}: ${matched} receiver${
    matched === 1 ? "" : "s"
  }${by}${lost}`;
}
