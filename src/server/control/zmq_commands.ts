/**
 * The commands of the ZeroMQ command socket as values (spec 3.5): a request's bytes in, a reply's bytes out. The socket
 * is elsewhere.
 */
import { describeError, PushpinError } from "../../errors.ts";
import { parsePublishItem, type PublishItem } from "../../grip/publish_item.ts";
import {
  decodeTnetstring,
  encodeTnetstring,
  type TnetDict,
  type TnetValue,
  type TnetWritable,
} from "../wire/tnetstring.ts";
import { parseEndpoint } from "../zmq/mod.ts";
import type { Ingest } from "./ingest.ts";

/** What `get-zmq-uris` tells: as configured, so they may contain `*`; what is off is left out. */
export interface ZmqUris {
  readonly command?: string | undefined;
  readonly publishPull?: string | undefined;
  /** The first, and only where we bind. */
  readonly publishSub?: string | undefined;
}

/**
 * A spec as `get-zmq-uris` tells it: as configured, or, where any port would do, what it became: nobody can connect to
 * port 0.
 */
export function discoverable(spec: string | undefined, endpoint: string | undefined): string | undefined {
  if (spec === undefined) return undefined;
  const parsed = parseEndpoint(spec);
  return parsed.transport === "tcp" && parsed.port === 0 ? endpoint : spec;
}

export interface CommandSurroundings {
  readonly ingest: Ingest;
  readonly uris: ZmqUris;
  /** Told of what failed on our side. */
  readonly failed: (method: string, thrown: unknown) => void;
}

type Verdict =
  | { readonly success: true; readonly value: TnetWritable }
  | { readonly success: false; readonly condition: string; readonly value?: TnetWritable };

/**
 * Answers one request. Never rejects: what cannot be read is a `bad-request`, so that a REQ client is not left waiting.
 */
export async function answerCommand(body: Uint8Array, around: CommandSurroundings): Promise<Uint8Array> {
  let request: TnetValue;
  try {
    request = decodeTnetstring(body);
  } catch (thrown) {
    return reply(undefined, badRequest(describeError(thrown)));
  }
  if (!isDict(request)) return reply(undefined, badRequest("the request is no dict"));
  const method = text(request["method"]);
  if (method === undefined) return reply(request["id"], badRequest("the request has no method"));
  const args = request["args"] ?? null;
  if (args !== null && !isDict(args)) return reply(request["id"], badRequest("args is no dict"));
  const command = Object.hasOwn(COMMANDS, method) ? COMMANDS[method] : undefined;
  if (command === undefined) return reply(request["id"], { success: false, condition: "method-not-found" });
  try {
    return reply(request["id"], await command(args ?? {}, around));
  } catch (thrown) {
    around.failed(method, thrown);
    return reply(request["id"], { success: false, condition: "service-unavailable" });
  }
}

type Command = (args: TnetDict, around: CommandSurroundings) => Verdict | Promise<Verdict>;

const DONE: Verdict = { success: true, value: null };

const COMMANDS: Readonly<Record<string, Command>> = {
  async conncheck(args, { ingest, failed }) {
    const ids = texts(args["ids"]);
    if (ids === undefined) return badRequest("ids is no list of strings");
    try {
      return { success: true, value: await ingest.conncheck(ids) };
    } catch (thrown) {
      failed("conncheck", thrown);
      return { success: false, condition: "proxy-request-failed" };
    }
  },
  "get-zmq-uris": (_args, { uris }) => ({
    success: true,
    value: { command: uris.command, "publish-pull": uris.publishPull, "publish-sub": uris.publishSub },
  }),
  recover(_args, { ingest }) {
    ingest.recover();
    return DONE;
  },
  async refresh(args, { ingest }) {
    const cid = text(args["cid"]);
    if (cid !== undefined) {
      if ((await ingest.conncheck([cid])).length === 0) {
        return { success: false, condition: "item-not-found" };
      }
      ingest.refresh("cid", cid);
      return DONE;
    }
    const channel = text(args["channel"]);
    if (channel === undefined) return badRequest("neither cid nor channel is a string");
    ingest.refresh("channel", channel);
    return DONE;
  },
  async publish(args, { ingest }) {
    const list = args["items"];
    if (!Array.isArray(list)) return badRequest("items is no list");
    let items: PublishItem[];
    try {
      items = list.map((item) => parsePublishItem(item, { binary: true }));
    } catch (thrown) {
      if (thrown instanceof PushpinError) return badRequest(thrown.message);
      throw thrown;
    }
    await ingest.ingest(items);
    return DONE;
  },
};

function reply(id: TnetValue | undefined, verdict: Verdict): Uint8Array {
  return encodeTnetstring({ id, ...verdict });
}

function badRequest(why: string): Verdict {
  return { success: false, condition: "bad-request", value: why };
}

function isDict(value: TnetValue): value is TnetDict {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** Undefined for what is no byte string in UTF-8. */
function text(value: TnetValue | undefined): string | undefined {
  if (!(value instanceof Uint8Array)) return undefined;
  try {
    return strictUtf8.decode(value);
  } catch {
    return undefined; // no name that anything here has
  }
}

function texts(value: TnetValue | undefined): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const all = value.map(text);
  return all.every((one) => one !== undefined) ? all : undefined;
}
