/** How large a published item is in blocks (spec 9.2). */
import type { FormatName, PublishItem } from "../../grip/publish_item.ts";

/** Begun blocks of a format's content, or of the size that the publisher named; undefined where blocks are not counted. */
export function itemBlocks(
  item: PublishItem,
  format: FormatName,
  blockBytes: number | undefined,
): number | undefined {
  return blockBytes === undefined
    ? undefined
    : Math.ceil((item.size ?? formatBytes(item, format)) / blockBytes);
}

/** Of the largest of its formats: what was received. */
export function receivedBlocks(item: PublishItem, blockBytes: number | undefined): number | undefined {
  if (blockBytes === undefined) return undefined;
  const formats = Object.keys(item.formats) as FormatName[];
  return Math.max(0, ...formats.map((format) => itemBlocks(item, format, blockBytes) ?? 0));
}

/** A patch and an action without content have none. */
function formatBytes({ formats }: PublishItem, name: FormatName): number {
  if (name === "http-response") {
    const response = formats[name];
    return response?.action === "send" && response.body instanceof Uint8Array ? response.body.length : 0;
  }
  const format = formats[name];
  return format?.action === "send" ? format.content.length : 0;
}
