/** Tells an origin that a session is over, where it asked to be told (spec 2.8). */
import { describeError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { TimerWheel } from "../hub/timer_wheel.ts";
import type { Asker, ProxyRequest } from "./asking.ts";
import { resolveLink } from "./session_answer.ts";

/** How long the origin may take. */
const GONE_LINK_MS = 30_000;

/** Posts to the link. Nobody waits for it, and what comes of it is only logged. Never rejects. */
export async function tellGone(
  request: ProxyRequest,
  link: string,
  around: { readonly asker: Asker; readonly timers: TimerWheel; readonly log: Log },
): Promise<void> {
  const { asker, timers, log } = around;
  const uri = resolveLink(link, request.uri);
  if (uri === undefined) {
    return log.info("gone link failed", { connection: request.id, uri: link, reason: "no URI" });
  }
  const controller = new AbortController();
  const deadline = timers.set(GONE_LINK_MS, () => controller.abort());
  try {
    const answer = await asker.fetchLink(request, { method: "POST", uri, gripLast: [] }, controller.signal);
    await answer.body?.cancel();
    const { code } = answer.head;
    if (code < 200 || code > 299) log.info("gone link failed", { connection: request.id, uri, code });
  } catch (thrown) {
    log.info("gone link failed", { connection: request.id, uri, reason: describeError(thrown) });
  } finally {
    timers.clear(deadline);
  }
}
