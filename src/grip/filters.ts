/**
 * Filters of subscriptions (spec 5): what is delivered to whom, and what it reads like there. A channel names at most
 * five, they run in declared order, a drop ends the chain, unknown names are ignored.
 *
 * The filters here answer at once. http-check and http-modify would have to ask: they belong between a hold's queue
 * and `applyFilters`, are not built, and so are unknown names.
 */
import { PushpinError } from "../errors.ts";
import { renderTemplate, type ResolveDirective, TemplateStream } from "./template.ts";
import { looseText, utf8 } from "./text.ts";

export interface FilterContext {
  /** Of the subscription: Grip-Set-Meta, hold.meta. */
  readonly subMeta: ReadonlyMap<string, string>;
  /** Of the item. Empty for response bodies. */
  readonly pubMeta: ReadonlyMap<string, string>;
  /** The session's channels, unprefixed, with their prev-ids where known. Empty for response bodies. */
  readonly channels: ReadonlyMap<string, string | undefined>;
  /**
   * The item that is being delivered, its channel unprefixed: `%I` is its id, whether the session's prev-id has been
   * moved on already or not. The original from 1.41 renders the previous id, which no client can use.
   */
  readonly item?: { readonly channel: string; readonly id?: string };
}

export type FilterResult =
  | { readonly kind: "send"; readonly content: Uint8Array }
  /** `reason` is the name of the filter. */
  | { readonly kind: "drop"; readonly reason: string }
  | { readonly kind: "error"; readonly error: PushpinError };

interface Filter {
  /** MessageDelivery: true lets the item pass. */
  readonly passes?: (context: FilterContext) => boolean;
  /** MessageContent, and with `response` ResponseContent: makes what a directive of the content stands for. */
  readonly directive?: (context: FilterContext) => ResolveDirective;
  readonly response?: boolean;
}

const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ["skip-self", {
    passes: ({ subMeta, pubMeta }) => !subMeta.get("user") || subMeta.get("user") !== pubMeta.get("sender"),
  }],
  ["skip-users", {
    passes: ({ subMeta, pubMeta }) => !skippedUsers(pubMeta).includes(subMeta.get("user") ?? ""),
  }],
  ["require-sub", {
    passes: ({ pubMeta, channels }) =>
      !pubMeta.has("require_sub") || channels.has(pubMeta.get("require_sub")!),
  }],
  ["build-id", { directive: buildId, response: true }],
  ["var-subst", { directive: varSubst }],
]);

/**
 * Runs a subscription's filters on one item. The content is returned itself where no filter changes it; where one does,
 * the result is a new array, as the given bytes are shared.
 */
export function applyFilters(
  filters: readonly string[],
  context: FilterContext,
  content: Uint8Array,
): FilterResult {
  for (const name of filters) {
    const filter = FILTERS.get(name);
    if (filter?.passes?.(context) === false) return { kind: "drop", reason: name };
    if (filter?.directive === undefined) continue;
    try {
      content = renderTemplate(content, filter.directive(context));
    } catch (thrown) {
      return { kind: "error", error: filterError(name, thrown) };
    }
  }
  return { kind: "send", content };
}

/**
 * True where an item with `content-filters` may go to a subscription: the list is, in order, the subscription's filters
 * that rewrite content (spec 5.4). Without a list it always may.
 */
export function contentFiltersMatch(
  wanted: readonly string[] | undefined,
  subscription: readonly string[],
): boolean {
  if (wanted === undefined) return true;
  const rewriting = subscription.filter((name) => FILTERS.get(name)?.directive !== undefined);
  return rewriting.length === wanted.length && rewriting.every((name, i) => name === wanted[i]);
}

/** Rewrites a response body on its way to the client. Both throw {PushpinError} `PUSHPIN_FILTER_FAILED`. */
export interface ResponseFilter {
  push(piece: Uint8Array): Uint8Array;
  /** What is left, once, at the end of the body. */
  end(): Uint8Array;
}

/**
 * The filters that apply to an initial, next or not-held response body: those with that target among all channels' filters,
 * each once, in order (spec 5.1). Undefined where there is none, and the body passes untouched.
 *
 * No channel ids are known for a body, so build-id knows only `%(literal)I` here.
 */
export function responseFilter(
  channels: readonly { readonly filters: readonly string[] }[],
  subMeta: ReadonlyMap<string, string>,
): ResponseFilter | undefined {
  const names = new Set(channels.flatMap((channel) => channel.filters));
  const context: FilterContext = { subMeta, pubMeta: new Map(), channels: new Map() };
  const stages: { name: string; stream: TemplateStream }[] = [];
  for (const name of names) {
    const filter = FILTERS.get(name);
    if (filter?.response !== true || filter.directive === undefined) continue;
    stages.push({ name, stream: new TemplateStream(filter.directive(context)) });
  }
  if (stages.length === 0) return undefined;
  const run = (from: number, piece: Uint8Array) =>
    stages.slice(from).reduce((bytes, { name, stream }) => guarded(name, () => stream.push(bytes)), piece);
  return {
    push: (piece) => run(0, piece),
    end: () => {
      for (const { name, stream } of stages) guarded(name, () => stream.end());
      return new Uint8Array(0);
    },
  };
}

/** `%I` is the rendered id, `%(literal)I` the given one; both encoded as `id_encoding` says (spec 5.3). */
function buildId(context: FilterContext): ResolveDirective {
  const encode = idEncoder(context.subMeta.get("id_encoding"));
  let rendered: string | undefined;
  return (letter, argument) => {
    if (letter !== "I") throw directiveError(letter, argument);
    return encode(argument ?? (rendered ??= renderId(context)));
  };
}

function renderId(context: FilterContext): string {
  const format = context.subMeta.get("id_format");
  if (format === undefined) throw failed(`meta "id_format" is not set, which "%I" needs`);
  const id = renderTemplate(utf8(format), (letter, argument) => {
    if (letter !== "s" || argument === undefined) throw directiveError(letter, argument);
    const known = context.item?.channel === argument ? context.item.id : undefined;
    const value = known ?? context.channels.get(argument);
    if (value === undefined) throw failed(`channel "${argument}" has no known id`);
    return value;
  });
  return looseText(id);
}

function idEncoder(encoding: string | undefined): (id: string) => string {
  if (encoding === undefined) return (id) => id;
  if (encoding !== "hex") {
    return () => {
      throw failed(`meta "id_encoding" is ${JSON.stringify(encoding)}: use "hex" or no such meta`);
    };
  }
  return (id) => Array.from(utf8(id), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `%(name)s` is the value of the subscription's meta. */
function varSubst({ subMeta }: FilterContext): ResolveDirective {
  return (letter, argument) => {
    if (letter !== "s" || argument === undefined) throw directiveError(letter, argument);
    const value = subMeta.get(argument);
    if (value === undefined) throw failed(`meta "${argument}" is not set`);
    return value;
  };
}

function skippedUsers(pubMeta: ReadonlyMap<string, string>): string[] {
  return (pubMeta.get("skip_users") ?? "").split(",").map((user) => user.trim()).filter((user) =>
    user !== ""
  );
}

function guarded<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    throw filterError(name, thrown);
  }
}

function filterError(name: string, cause: unknown): PushpinError {
  const what = cause instanceof Error ? cause.message : String(cause);
  return new PushpinError("PUSHPIN_FILTER_FAILED", `Cannot apply filter ${name}: ${what}`, { cause });
}

function directiveError(letter: string, argument: string | undefined): PushpinError {
  return failed(`"%${argument === undefined ? "" : `(${argument})`}${letter}" is no directive here`);
}

function failed(text: string): PushpinError {
  return new PushpinError("PUSHPIN_TEMPLATE_INVALID", text);
}
