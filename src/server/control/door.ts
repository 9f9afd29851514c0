/** What every input needs of the handler, and what it is told. */
import type { PublishItem } from "../../grip/publish_item.ts";
import type { Receipt } from "../link/messages.ts";

/** What became of one item at the door. */
export interface Outcome {
  readonly channel: string;
  readonly id?: string;
  /** `parked`: its predecessor is missing; it goes out with it, or after `message_wait`. `dropped`: see `reason`. */
  readonly status: "published" | "duplicate" | "parked" | "dropped";
  readonly reason?: string;
  /** Settles when the proxies have answered for it; at once for what was not sent. */
  readonly receipt: Promise<Receipt>;
}

/** What every input needs of the handler. */
export interface Ingest {
  /** In order. Resolves when every interested proxy has been handed every item. */
  ingest(items: readonly PublishItem[]): Promise<readonly Outcome[]>;
  /** Forgets all last ids and has every held session ask its origin again (spec 4.5). */
  recover(): void;
  /** WebSocket-over-HTTP connections make a request now (spec 3.5). */
  refresh(by: "cid" | "channel", value: string): void;
  /** Those of `ids` that are connected anywhere. */
  conncheck(ids: readonly string[]): Promise<readonly string[]>;
}
