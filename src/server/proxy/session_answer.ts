/** What a session does with answers and links besides holding. */
import { describeError } from "../../errors.ts";
import type { Header } from "../../grip/head.ts";
import type { EndReason } from "../../grip/session_port.ts";
import type { Log } from "../../log.ts";
import type { Answer, Asker, ProxyRequest } from "./asking.ts";
import { internalError } from "./refusals.ts";

const WHOLE: ReadonlySet<EndReason> = new Set(["closed", "delivered", "timeout", "drained"]);

/** Whether a body that ends for this reason is whole: others are cut, so that the client knows. */
export function endsWhole(reason: EndReason): boolean {
  return WHOLE.has(reason);
}

/** The original request once more (spec 4.5). Never rejects. */
export async function askAgain(
  request: ProxyRequest,
  gripLast: readonly Header[],
  around: { readonly asker: Asker; readonly log: Log; readonly signal: AbortSignal },
): Promise<Answer> {
  try {
    return await around.asker.retry(request, gripLast, around.signal);
  } catch (thrown) {
    around.log.error("retry failed", { connection: request.id, reason: describeError(thrown) });
    return internalError();
  }
}

/** A link as an absolute http or https URI; undefined where it is none. */
export function resolveLink(uri: string, base: string): string | undefined {
  const url = URL.parse(uri, base);
  return url?.protocol === "http:" || url?.protocol === "https:" ? url.href : undefined;
}

/** The body of an answer that nobody reads any more. */
export function answerBody(answer: Answer): ReadableStream<Uint8Array> | undefined {
  if (answer.kind === "relay") return answer.response.body ?? undefined;
  return answer.kind === "instruct" ? answer.stream : undefined;
}

/** Lets the origin go on without us. */
export function discard(stream: ReadableStream<Uint8Array> | undefined): void {
  stream?.cancel().catch(() => {}); // its connection has gone before us
}
