/**
 * Nothing but the kernel: a loop over one epoll that writes every message to every socket by a send() of its own. No
 * server with one send a delivery is faster here, and the generator counts no more than this, so a peer that comes near
 * it has measured the machine.
 */
import type { Lab } from "../lab.ts";
import { loadGeneratorMissing } from "../load/platform.ts";
import type { Origin } from "../origin.ts";
import type { Peer, RunningPeer } from "./peer.ts";
import { startScript } from "./script.ts";

export function rawPeer(): Peer {
  return {
    name: "raw",
    title: "send() and nothing else",
    missing: () => Promise.resolve(loadGeneratorMissing()),
    async start(lab: Lab, _origin: Origin): Promise<RunningPeer> {
      const port = lab.port();
      const group = await startScript(lab, "raw", port);
      return {
        name: "raw",
        group,
        port,
        publishPort: port,
        dialect: "bare",
        settleMs: 0,
        calmMs: 1_000,
        held: () => Promise.resolve(0),
        [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
      };
    },
  };
}
