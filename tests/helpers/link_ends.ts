/** Both sides of a link over sockets, with what most tests do not care about filled in. */
import { silentLog } from "../../src/log.ts";
import type { LinkAddress } from "../../src/server/link/address.ts";
import type { LinkEnd, LinkTiming } from "../../src/server/link/link.ts";
import { LinkConnector, type LinkConnectorOptions } from "../../src/server/link/link_connector.ts";
import { LinkListener, type LinkListenerOptions } from "../../src/server/link/link_listener.ts";
import type { DownMessage, UpMessage } from "../../src/server/link/messages.ts";

export type ProxyEnd = LinkEnd<UpMessage, DownMessage>;
export type HandlerEnd = LinkEnd<DownMessage, UpMessage>;

/** No waiting between tries, and every failure told. */
export const QUICK: Partial<LinkTiming> = {
  retryMinMs: 5,
  retryMaxMs: 20,
  refusedRetryMs: 60_000,
  tellAfterMs: 0,
};

/** A directory for the test, gone afterwards. */
export async function inTempDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** A listener that takes whatever comes, unless told otherwise. */
export function listen(address: LinkAddress, more: Partial<LinkListenerOptions> = {}): Promise<LinkListener> {
  return LinkListener.listen({
    address,
    name: "handler",
    log: silentLog,
    timing: QUICK,
    onConnected: (end) => end.receive(() => {}),
    ...more,
  });
}

/** A connector that takes whatever comes, unless told otherwise. */
export function connect(address: LinkAddress, more: Partial<LinkConnectorOptions> = {}): LinkConnector {
  return new LinkConnector({
    address,
    name: "proxy",
    log: silentLog,
    timing: QUICK,
    onConnected: (end) => end.receive(() => {}),
    ...more,
  });
}

export const tcp0: LinkAddress = { transport: "tcp", hostname: "127.0.0.1", port: 0 };
