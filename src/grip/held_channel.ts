/** What a hold knows of one of its channels: where the client stands, and how its items are to be filtered. */
import type { Header } from "./head.ts";
import type { ChannelRef, Instruct } from "./instruct.ts";
import type { PublishItem } from "./publish_item.ts";
import { headerFromText } from "./text.ts";

/** One channel of one hold. Belongs to the hold's machine; the port hands it back with the channel's events. */
export class HeldChannel {
  /** As the origin named it; an implicit channel's full name. */
  readonly name: string;
  /** From the route's `sub=`: not prefixed, not the origin's to give up. */
  readonly implicit: boolean;
  /** The last id the client has; undefined where the channel is not followed by ids. */
  prevId: string | undefined;
  filters: readonly string[];
  /** An item came since the next link was last due. */
  active = false;
  #answered = false;
  #conflicting = false;

  constructor(channel: ChannelRef, implicit = false) {
    this.name = channel.name;
    this.implicit = implicit;
    this.prevId = channel.prevId;
    this.filters = channel.filters;
  }

  /** Items need more than passing on. */
  get guarded(): boolean {
    return this.prevId !== undefined || this.filters.length > 0;
  }

  /** What `compare` found when the channel was subscribed. */
  get conflicting(): boolean {
    return this.#conflicting;
  }

  /**
   * Compares where the client stands with the channel's last id (spec 4.4). "conflict": one of them has more than the
   * other. "interrupted": told a second time, so the way here was lost in between and items may have been; to a client
   * that is not followed by ids that is "same", as nothing can be asked for it.
   */
  compare(lastId: string | undefined): "same" | "conflict" | "interrupted" {
    const again = this.#answered;
    this.#answered = true;
    if (this.prevId === undefined) return "same";
    if (again) return "interrupted";
    this.#conflicting = lastId !== undefined && lastId !== this.prevId;
    return this.#conflicting ? "conflict" : "same";
  }

  /** False where an item does not follow what the client has (spec 4.4); else the client has it now. */
  advance(item: PublishItem): boolean {
    if (this.prevId === undefined) return true;
    if (item.prevId !== this.prevId) return false;
    this.prevId = item.id;
    return true;
  }

  /** Takes a fresh instruct's word for the same channel. */
  renew(channel: ChannelRef): void {
    this.prevId = channel.prevId;
    this.filters = channel.filters;
  }
}

/** Why a stream cannot be kept: a channel is followed by ids, and there is nobody to ask when an item is missing. */
export function unrecoverable({ hold, nextLink, channels }: Instruct): string | undefined {
  const followed = channels.find((channel) => channel.prevId !== undefined);
  if (hold === undefined || nextLink !== undefined || followed === undefined) return undefined;
  return `Stream ended: channel "${followed.name}" has a prev-id, but there is no next link`;
}

/** One Grip-Last field for every channel that is followed by ids (spec 4.8). */
export function gripLast(channels: Iterable<Pick<ChannelRef, "name" | "prevId">>): Header[] {
  const fields: Header[] = [];
  for (const { name, prevId } of channels) {
    if (prevId === undefined) continue;
    fields.push(["Grip-Last", `${quoted(name)}; last-id=${quoted(prevId)}`]);
  }
  return fields;
}

// Bare where it can be, as every GRIP library reads it; quoted where a comma, a semicolon or a quote would be misread.
function quoted(text: string): string {
  const value = headerFromText(text);
  return /[",;\\]|^\s|\s$/.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : value;
}
