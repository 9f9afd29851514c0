/** How the peers are asked and published to. Pure: texts in, HTTP/1.1 requests out. */
import { PATHS } from "../origin.ts";
import { encodeText } from "../text.ts";

/** `grip`: an origin decides, publishes are GRIP items. `nchan`: Nchan's own locations. `bare`: the trivial server. */
export type Dialect = "grip" | "nchan" | "bare";
export type HoldKind = "stream" | "stream-keep-alive" | "poll";

/** Ends every message; stands in no head, no framing and nowhere else in a message. */
export const MARK = "~";

const HOLD_PATHS: Readonly<Record<Dialect, Readonly<Record<HoldKind, string>>>> = {
  grip: { stream: PATHS.stream, "stream-keep-alive": PATHS.streamKeepAlive, poll: PATHS.poll },
  nchan: { stream: "/sub", "stream-keep-alive": "/sub", poll: "/poll" },
  bare: { stream: "/sub", "stream-keep-alive": "/sub", poll: "/poll" },
};

/** The request that becomes a hold. */
export function holdRequest(dialect: Dialect, kind: HoldKind, channel: string): string {
  const accept = kind === "poll" ? "*/*" : "text/event-stream";
  return `GET ${
    HOLD_PATHS[dialect][kind]
  }?channel=${channel} HTTP/1.1\r\nHost: bench\r\nAccept: ${accept}\r\n\r\n`;
}

/** A message of so many bytes, its mark included. */
export function message(bytes: number): string {
  return "x".repeat(Math.max(0, bytes - MARK.length)) + MARK;
}

/** One publish: to streams as an event, to long-polls as a body. */
export function publishRequest(dialect: Dialect, channel: string, text: string): Uint8Array<ArrayBuffer> {
  if (dialect === "grip") return batchRequest([channel], text);
  return post(`/pub?channel=${channel}`, "text/plain", text);
}

/** One request with an item for each channel; GRIP only. */
export function batchRequest(channels: readonly string[], text: string): Uint8Array<ArrayBuffer> {
  const items = channels.map((channel) => ({
    channel,
    formats: { "http-response": { body: text }, "http-stream": { content: `data: ${text}\n\n` } },
  }));
  return post("/publish/", "application/json", JSON.stringify({ items }));
}

/** One item as it goes to a ZeroMQ socket, in JSON. */
export function pushedItem(channel: string, text: string): Uint8Array<ArrayBuffer> {
  return encodeText(
    "J" + JSON.stringify({ channel, formats: { "http-stream": { content: `data: ${text}\n\n` } } }),
  );
}

function post(path: string, type: string, body: string): Uint8Array<ArrayBuffer> {
  return encodeText(
    `POST ${path} HTTP/1.1\r\nHost: bench\r\nContent-Type: ${type}\r\n` +
      `Content-Length: ${encodeText(body).length}\r\n\r\n${body}`,
  );
}
