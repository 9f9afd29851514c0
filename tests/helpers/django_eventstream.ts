/**
 * django-eventstream as its proxy sees it: what its views answer, and what its publishes look like on the wire. Written
 * down from what the library does (5.x with django-grip, gripcontrol and pubcontrol), in its field order and dialect.
 */
import { latin1Text } from "./bytes.ts";
import type { RawHeader } from "./http_message.ts";
import type { OriginResponse, RecordedRequest } from "./origin_script.ts";
import { askOnce } from "./raw_client.ts";

/** What the storage has of a channel; the first event is 1. */
export type Storage = Map<string, string[]>;

/** Events in one answer, for all channels together. */
const LIMIT = 100;
const TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJlcyJ9.c2lnbmF0dXJl";

/** One server-sent event; with `escape` the content is a template for build-id. */
export function sseEvent(type: string, data: unknown, id?: string, escape = false): string {
  const escaped = (text: string) => escape ? text.replaceAll("%", "%%") : text;
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return `event: ${escaped(type)}\n${idLine}data: ${escaped(JSON.stringify(data))}\n\n`;
}

/** `room-1:5,my%20room:3`. */
export function eventId(ids: ReadonlyMap<string, string>): string {
  return [...ids].map(([channel, id]) => `${encodeURIComponent(channel)}:${id}`).join(",");
}

export class EventStreamView {
  readonly storage: Storage = new Map();
  /** Of the keep-alive; the library says 20. */
  keepAliveSeconds = 20;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Appends an event and gives its id and the one before. */
  append(channel: string, data: string): { readonly id: string; readonly prevId: string } {
    const events = this.storage.get(channel);
    if (events === undefined) this.storage.set(channel, [data]);
    else events.push(data);
    const id = this.storage.get(channel)!.length;
    return { id: String(id), prevId: String(id - 1) };
  }

  /** Channels come as `channel=` in the query, the user as `user=`; those that the storage lacks are not reliable. */
  readonly answer = (request: RecordedRequest): OriginResponse => {
    const query = new URL(request.target, "http://localhost").searchParams;
    const isNext = query.get("link") === "next";
    const channels = query.getAll("channel");
    const user = query.get("user") ?? "anonymous";
    const known = query.get("recover") === "true"
      ? gripLast(request.header("grip-last") ?? "")
      : lastEventIds(request.header("last-event-id") ?? query.getAll("lastEventId").at(-1) ?? "");
    const ids = new Map<string, string>();
    const items = new Map<string, readonly string[]>();
    let more = false;
    for (const channel of channels) {
      const events = this.storage.get(channel);
      if (events === undefined) continue;
      const last = known.get(channel) ?? String(events.length);
      const newer = events.slice(Number(last));
      const page = newer.slice(0, Math.floor(LIMIT / channels.length));
      if (page.length < newer.length) more = true;
      ids.set(channel, last);
      items.set(channel, page);
    }
    let body = isNext ? "" : `:${" ".repeat(2048)}\n\nevent: stream-open\ndata:\n\n`;
    for (const [channel, page] of items) {
      for (const data of page) {
        ids.set(channel, String(Number(ids.get(channel)) + 1));
        body += sseEvent("message", { text: data }, eventId(ids), true);
      }
    }
    query.set("link", "next");
    if (more) {
      query.set("lastEventId", eventId(ids));
      query.delete("recover");
    } else {
      query.set("recover", "true");
      query.delete("lastEventId");
    }
    query.set("es-meta", TOKEN);
    const link = `<${this.#path}?${query}>; rel=next`;
    return { headers: this.#fields({ channels, ids, user, link, more }), body };
  };

  #fields(of: {
    readonly channels: readonly string[];
    readonly ids: ReadonlyMap<string, string>;
    readonly user: string;
    readonly link: string;
    readonly more: boolean;
  }): readonly RawHeader[] {
    const { channels, ids, user, link, more } = of;
    const named = channels.map((channel) => {
      const id = ids.get(channel);
      const name = `events-${encodeURIComponent(channel)}`;
      return id === undefined
        ? `${name}; filter=skip-users`
        : `${name}; prev-id=${id}; filter=build-id; filter=skip-users`;
    });
    const format = [...ids.keys()].map((channel) => {
      const name = encodeURIComponent(channel);
      return `${name.replaceAll("%", "%%")}:%(events-${name})s`;
    }).join(",");
    return [
      ["Content-Type", "text/event-stream"],
      ...(more ? [] : [["Grip-Hold", "stream"]] as const),
      ["Grip-Channel", [...named, `user-${user}; filter=require-sub`].join(", ")],
      ...(more ? [] : [[
        "Grip-Keep-Alive",
        `event: keep-alive\\ndata:\\n\\n; format=cstring; timeout=${this.keepAliveSeconds}`,
      ]] as const),
      ["Grip-Set-Meta", `${format === "" ? "" : `id_format="${format}", `}user="${user}"`],
      ["Grip-Link", link],
      ["Cache-Control", "no-cache"],
      ["X-Accel-Buffering", "no"],
    ];
  }
}

/** An item of pubcontrol: formats beside the channel, `meta` where there is some. */
export type PubcontrolItem = Readonly<Record<string, unknown>>;

/** send_event(): a reliable event is a template, and says which filter must render it. */
export function eventItem(
  channel: string,
  data: unknown,
  ids: { readonly id: string; readonly prevId: string } | undefined,
  skipUsers: readonly string[] = [],
): PubcontrolItem {
  return {
    ...(ids && { "id": ids.id, "prev-id": ids.prevId }),
    "http-stream": {
      "content-filters": ids ? ["build-id"] : [],
      "content": sseEvent("message", data, ids && "%I", ids !== undefined),
    },
    ...(skipUsers.length > 0 && { "meta": { "skip_users": skipUsers.join(",") } }),
    "channel": `events-${encodeURIComponent(channel)}`,
  };
}

/** channel_permission_changed(): an error event, then the end, for those streams of the user that have the channel. */
export function kickItems(user: string, channel: string): readonly [PubcontrolItem, PubcontrolItem] {
  const text = `Permission denied to channels: ${channel}`;
  const content = sseEvent("stream-error", { condition: "forbidden", text, channels: [channel] }, "error");
  const rest = { "meta": { "require_sub": `events-${channel}` }, "channel": `user-${user}` };
  return [
    { "id": "kick-1", "http-stream": { content }, ...rest },
    { "id": "kick-2", "prev-id": "kick-1", "http-stream": { "action": "close" }, ...rest },
  ];
}

/** Publishes as pubcontrol does with requests; the answer's status and text. */
export async function pubcontrol(port: number, items: readonly PubcontrolItem[]): Promise<string> {
  const answer = await askOnce(port, {
    method: "POST",
    target: "/publish/",
    headers: [
      ["Host", `localhost:${port}`],
      ["User-Agent", "python-requests/2.32.3"],
      ["Accept-Encoding", "gzip, deflate"],
      ["Accept", "*/*"],
      ["Connection", "keep-alive"],
      ["Authorization", `Bearer ${TOKEN}`],
      ["Content-Type", "application/json"],
    ],
    body: new TextEncoder().encode(JSON.stringify({ items })),
  });
  return `${answer.status} ${latin1Text(answer.body)}`;
}

function gripLast(field: string): ReadonlyMap<string, string> {
  const found = field.split(",").flatMap((part) => {
    const [, name, id] = /^\s*events-([^;]+);\s*last-id=(\S+)\s*$/.exec(part) ?? [];
    return name === undefined ? [] : [[decodeURIComponent(name), id!] as const];
  });
  return new Map(found);
}

function lastEventIds(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(",").filter((part) => part !== "").map((part) => {
      const [channel = "", id = ""] = part.split(":");
      return [decodeURIComponent(channel), id] as const;
    }),
  );
}
