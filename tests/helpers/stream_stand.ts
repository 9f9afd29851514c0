/** A stream hold on a recording port, opened and ready to be told what happens. */
import type { HoldOptions } from "../../src/grip/held_channels.ts";
import type { Hold, Instruct } from "../../src/grip/instruct.ts";
import { StreamHold } from "../../src/grip/stream_hold.ts";
import { bytes, instruct, type ItemParts, publishItem, RecordingPort } from "./recording_port.ts";

export const C = { name: "c", filters: [] };
export const CA = { ...C, prevId: "a" };
export const STREAM: Hold = { mode: "stream" };
export const NEXT = { nextLink: { uri: "/next", timeoutSeconds: 120 } };
type Parts = Partial<Instruct> & { readonly bodyText?: string };

export function openStream(
  parts: Parts = {},
  setUp: { port?: RecordingPort; options?: HoldOptions; streamed?: boolean } = {},
) {
  const port = setUp.port ?? new RecordingPort();
  const machine = new StreamHold(port, instruct({ hold: STREAM, channels: [C], ...parts }), setUp.options);
  port.hold = machine;
  machine.start(setUp.streamed === true ? "streamed" : "whole");
  const channel = port.channels.get("c");
  const item = (p: ItemParts, name = "c") =>
    machine.item(port.channels.get(name) ?? channel!, publishItem(p));
  /** A next link's whole answer. */
  const answer = (next: Parts, code = 200) => {
    machine.nextHead(code, instruct(next));
    if (next.bodyText !== undefined && next.bodyText !== "") machine.bodyChunk(bytes(next.bodyText));
    machine.bodyEnd();
  };
  return { port, machine, item, answer };
}

/** A stream that holds, is followed by ids from "a" on, and has a next link. */
export function followed(parts: Parts = {}, options?: HoldOptions) {
  const port = new RecordingPort();
  port.lastIds.set("c", "a");
  const opened = openStream({ channels: [CA], ...NEXT, ...parts }, { port, options });
  port.take();
  return opened;
}
