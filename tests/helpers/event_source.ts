/** Server-sent events as a browser reads them: it comes back with the last id it has, and gives up on a bad answer. */
import { pause } from "./wait.ts";

export interface ReceivedEvent {
  /** The last id when it came. */
  readonly id: string;
  readonly data: string;
}

/** What browsers wait before they connect again is seconds; tests have less time. */
const RECONNECT_MS = 50;

export class EventReader {
  readonly events: ReceivedEvent[] = [];
  lastEventId = "";
  /** Connections so far. */
  connections = 0;
  /** Why it gave up, as a browser does on any answer that is not 200 with an event stream. */
  failure: string | undefined;
  readonly #url: string;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  constructor(url: string) {
    this.#url = url;
    this.#done = this.#run();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted && this.failure === undefined) {
      try {
        await this.#connect(signal);
      } catch {
        // Refused or cut: as if the network had failed.
      }
      if (!signal.aborted) await pause(RECONNECT_MS);
    }
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (this.lastEventId !== "") headers["last-event-id"] = this.lastEventId;
    const response = await fetch(this.#url, { headers, signal });
    this.connections++;
    if (response.status !== 200 || !response.headers.get("content-type")?.startsWith("text/event-stream")) {
      this.failure = `${response.status} ${await response.text()}`;
      return;
    }
    // An event that is cut off counts for nothing: the text ends with the connection.
    let text = "";
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      text += piece;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        this.#take(text.slice(0, end));
        text = text.slice(end + 2);
      }
    }
  }

  #take(block: string): void {
    const data: string[] = [];
    for (const line of block.split("\n")) {
      const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (name === "id") this.lastEventId = value;
      if (name === "data") data.push(value);
    }
    if (data.length > 0) this.events.push({ id: this.lastEventId, data: data.join("\n") });
  }
}
