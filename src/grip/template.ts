/** Templates of filters (spec 5.3): `%%`, `%X` with a letter, `%(argument)X` with backslash escapes in the parentheses. */
import { PushpinError } from "../errors.ts";
import { looseText, utf8 } from "./text.ts";

/** What stands for a directive. `argument` is undefined for `%X`. Throw a PushpinError for one that means nothing. */
export type ResolveDirective = (letter: string, argument: string | undefined) => string;

/** The longest argument; more is an error, so that an unclosed parenthesis holds no more than this. */
export const MAX_ARGUMENT_BYTES = 4096;

const PERCENT = 0x25, OPEN = 0x28, CLOSE = 0x29, BACKSLASH = 0x5c;

/**
 * Renders a template that comes in pieces; a directive may straddle them. Output is what can be said so far.
 *
 * @throws {PushpinError} `PUSHPIN_TEMPLATE_INVALID` with the position in bytes; nothing may be called after that
 */
export class TemplateStream {
  readonly #resolve: ResolveDirective;
  /** text → percent → text | argument → escape | letter → text */
  #state: "text" | "percent" | "argument" | "escape" | "letter" = "text";
  #argument: number[] = [];
  /** Bytes before the piece at hand. */
  #consumed = 0;

  constructor(resolve: ResolveDirective) {
    this.#resolve = resolve;
  }

  /** Returns the piece itself where there is nothing to replace. */
  push(piece: Uint8Array): Uint8Array {
    if (this.#state === "text" && !piece.includes(PERCENT)) {
      this.#consumed += piece.length;
      return piece;
    }
    const out: Uint8Array[] = [];
    let start = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]!;
      if (this.#state === "text") {
        if (byte !== PERCENT) continue;
        out.push(piece.subarray(start, at));
        this.#state = "percent";
      } else {
        const said = this.#step(byte, this.#consumed + at);
        if (said !== undefined) out.push(said);
        start = at + 1;
      }
    }
    if (this.#state === "text") out.push(piece.subarray(start));
    this.#consumed += piece.length;
    return joined(out);
  }

  /** @throws {PushpinError} `PUSHPIN_TEMPLATE_INVALID` where a directive is not finished */
  end(): void {
    if (this.#state !== "text") throw templateError("ends inside a directive", this.#consumed);
  }

  /** One byte of a directive; returns what it stands for when it is complete. */
  #step(byte: number, position: number): Uint8Array | undefined {
    switch (this.#state) {
      case "percent":
        if (byte === PERCENT) {
          this.#state = "text";
          return Uint8Array.of(PERCENT);
        }
        if (byte === OPEN) {
          this.#argument = [];
          this.#state = "argument";
          return undefined;
        }
        return this.#complete(byte, undefined, position);
      case "letter":
        return this.#complete(byte, looseText(Uint8Array.from(this.#argument)), position);
      case "argument":
        if (byte === CLOSE) this.#state = "letter";
        else if (byte === BACKSLASH) this.#state = "escape";
        else this.#keep(byte, position);
        return undefined;
      default:
        this.#keep(byte, position);
        this.#state = "argument";
        return undefined;
    }
  }

  #keep(byte: number, position: number): void {
    if (this.#argument.length >= MAX_ARGUMENT_BYTES) {
      throw templateError(`has an argument of more than ${MAX_ARGUMENT_BYTES} bytes`, position);
    }
    this.#argument.push(byte);
  }

  #complete(byte: number, argument: string | undefined, position: number): Uint8Array {
    const letter = String.fromCharCode(byte);
    if (!/^[A-Za-z]$/.test(letter)) {
      throw templateError("has no letter where a directive wants one", position);
    }
    this.#state = "text";
    return utf8(this.#resolve(letter, argument));
  }
}

/** Renders a whole template. @throws {PushpinError} as {@link TemplateStream} does */
export function renderTemplate(template: Uint8Array, resolve: ResolveDirective): Uint8Array {
  const stream = new TemplateStream(resolve);
  const out = stream.push(template);
  stream.end();
  return out;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function templateError(text: string, position: number): PushpinError {
  return new PushpinError(
    "PUSHPIN_TEMPLATE_INVALID",
    `Cannot render the template: it ${text}, at byte ${position}`,
  );
}
