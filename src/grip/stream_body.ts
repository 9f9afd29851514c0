/** A body on its way through a stream hold: its filters, and whether anything of it has gone out. */
import { type ResponseFilter, responseFilter } from "./filters.ts";
import type { Instruct } from "./instruct.ts";

export class StreamBody {
  #filter: ResponseFilter | undefined;
  #begun = false;

  /** True once bytes of this body were given out: it can be neither repeated nor taken back. */
  get begun(): boolean {
    return this.#begun;
  }

  /** A new body, before its first byte; its own instruct's filters apply (spec 2.7). */
  open(instruct: Instruct | undefined): void {
    this.#begun = false;
    this.#filter = instruct && responseFilter(instruct.channels, instruct.meta);
  }

  /** What goes to the client. @throws {PushpinError} `PUSHPIN_FILTER_FAILED` */
  push(bytes: Uint8Array): Uint8Array {
    return this.#given(this.#filter === undefined ? bytes : this.#filter.push(bytes));
  }

  /** The rest. @throws {PushpinError} `PUSHPIN_FILTER_FAILED` */
  end(): Uint8Array {
    return this.#given(this.#filter === undefined ? NOTHING : this.#filter.end());
  }

  #given(bytes: Uint8Array): Uint8Array {
    if (bytes.length > 0) this.#begun = true;
    return bytes;
  }
}

const NOTHING = new Uint8Array(0);
