/** Bodies on their way into a stream hold, piece by piece and at the client's pace: the first one, and next links'. */
import { describeError } from "../../errors.ts";
import type { ResponseHead } from "../../grip/head.ts";
import { type Instruct, readInstructHead } from "../../grip/instruct.ts";
import type { StreamHold } from "../../grip/stream_hold.ts";
import type { ClientStream } from "./client_stream.ts";
import { type LinkReader, TooFarBehind } from "./next_link_fetch.ts";

/** Where the pieces go. */
export interface BodyRunTarget {
  readonly hold: StreamHold;
  readonly client: ClientStream;
  /** The run is over, by itself: its last word to the hold has been said. */
  readonly failed: (thrown: unknown) => void;
}

type Read = () => Promise<Uint8Array | undefined>;

/** One body that is passed on, until it ends, breaks off, or is cancelled. */
export class BodyRun {
  readonly #target: BodyRunTarget;
  readonly #cancelSource: () => void;
  #wanted = true;

  private constructor(target: BodyRunTarget, cancelSource: () => void) {
    this.#target = target;
    this.#cancelSource = cancelSource;
  }

  /** The first body, or the rest of it. */
  static ofStream(stream: ReadableStream<Uint8Array>, target: BodyRunTarget): BodyRun {
    const reader = stream.getReader();
    // A failure to cancel means that the origin's connection has gone before us.
    const run = new BodyRun(target, () => void reader.cancel().catch(() => {}));
    const read = async () => (await reader.read()).value;
    run.#begin(() => run.#pump(read));
    return run;
  }

  /** A next link's answer. `whole` is told the URI it came from once all of it has been read. */
  static ofLink(reader: LinkReader, target: BodyRunTarget, whole: (uri: string) => void): BodyRun {
    const run = new BodyRun(target, () => reader.cancel());
    run.#begin(async () => {
      const { head, uri } = await reader.head();
      if (!run.#wanted) return;
      const { instruct, why } = readInstruct(head);
      target.hold.nextHead(head.code, instruct, why);
      await run.#pump(async () => {
        const piece = await reader.read();
        if (piece === undefined) whole(uri);
        return piece;
      });
    });
    return run;
  }

  /** Nothing comes of it any more. */
  cancel(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#cancelSource();
  }

  #begin(act: () => Promise<void>): void {
    act().catch((thrown) => {
      if (!this.#wanted) return;
      this.cancel();
      const { hold, failed } = this.#target;
      try {
        if (thrown instanceof TooFarBehind) hold.slowClient();
        else hold.bodyFailed(describeError(thrown));
      } catch (error) {
        failed(error);
      }
    });
  }

  async #pump(read: Read): Promise<void> {
    const { hold, client } = this.#target;
    while (this.#wanted) {
      const piece = await read();
      if (!this.#wanted) return;
      if (piece === undefined) {
        this.#wanted = false;
        return this.#say(() => hold.bodyEnd());
      }
      this.#say(() => hold.bodyChunk(piece));
      const room = client.room();
      if (room !== undefined) await room;
    }
  }

  /** What breaks in the hold is no failure of the body. */
  #say(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#target.failed(thrown);
    }
  }
}

function readInstruct(head: ResponseHead): { readonly instruct?: Instruct; readonly why?: string } {
  try {
    return { instruct: readInstructHead(head) };
  } catch (thrown) {
    return { why: describeError(thrown) };
  }
}
