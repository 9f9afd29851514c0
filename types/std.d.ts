declare module "@std/text/closest-string" {
  /** The word of a non-empty list that is fewest edits away. @throws {TypeError} on an empty list. */
  export function closestString(givenWord: string, possibleWords: readonly string[]): string;
}

declare module "@std/text/levenshtein-distance" {
  export function levenshteinDistance(a: string, b: string): number;
}

declare module "@std/toml" {
  /** @throws {SyntaxError} */
  export function parse(text: string): Record<string, unknown>;
}

declare module "@std/http/status" {
  /** Phrases by code, for the codes that have one. */
  export const STATUS_TEXT: Readonly<Record<number, string | undefined>>;
}

declare module "@std/encoding/base64" {
  export function encodeBase64(data: ArrayBuffer | Uint8Array | string): string;
  /** @throws {TypeError} on anything that is not exact base64 */
  export function decodeBase64(b64: string): Uint8Array;
}

declare module "@std/http/server-sent-event-stream" {
  export interface ServerSentEventMessage {
    readonly comment?: string;
    readonly event?: string;
    readonly data?: string;
    readonly id?: string | number;
    readonly retry?: number;
  }

  /** Encodes messages as text/event-stream. */
  export class ServerSentEventStream extends TransformStream<ServerSentEventMessage, Uint8Array> {}
}

declare module "@std/assert" {
  export class AssertionError extends Error {}
  type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

  export function assert(expr: unknown, msg?: string): asserts expr;
  export function assertFalse(expr: unknown, msg?: string): asserts expr is false;
  export function assertEquals(actual: unknown, expected: unknown, msg?: string): void;
  export function assertNotEquals(actual: unknown, expected: unknown, msg?: string): void;
  export function assertStrictEquals(actual: unknown, expected: unknown, msg?: string): void;
  export function assertNotStrictEquals(actual: unknown, expected: unknown, msg?: string): void;
  export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T>;
  export function assertInstanceOf<T>(
    actual: unknown,
    expectedType: abstract new (...args: never[]) => T,
    msg?: string,
  ): asserts actual is T;
  export function assertStringIncludes(actual: string, expected: string, msg?: string): void;
  export function assertMatch(actual: string, expected: RegExp, msg?: string): void;
  export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void;
  export function assertGreater<T>(actual: T, low: T, msg?: string): void;
  export function assertGreaterOrEqual<T>(actual: T, low: T, msg?: string): void;
  export function assertLess<T>(actual: T, high: T, msg?: string): void;
  export function assertLessOrEqual<T>(actual: T, high: T, msg?: string): void;
  export function assertArrayIncludes<T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string): void;
  export function assertObjectMatch(actual: object, expected: object, msg?: string): void;
  export function assertAlmostEquals(
    actual: number,
    expected: number,
    tolerance?: number,
    msg?: string,
  ): void;
  export function assertThrows(fn: () => unknown, msg?: string): unknown;
  export function assertThrows<E extends Error>(
    fn: () => unknown,
    errorClass: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): E;
  export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
  export function assertRejects<E extends Error>(
    fn: () => PromiseLike<unknown>,
    errorClass: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
  export function fail(msg?: string): never;
  export function unreachable(msg?: string): never;
  export function equal(a: unknown, b: unknown): boolean;
}

declare module "@std/streams" {
  /** The whole stream. */
  export function toBytes(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>>;

  /** Lines without their ends. */
  export class TextLineStream extends TransformStream<string, string> {
    constructor(options?: { readonly allowCR?: boolean });
  }
}
