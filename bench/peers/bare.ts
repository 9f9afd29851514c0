/**
 * A bare Deno.serve that forwards by a bare fetch and copies every publish to every stream: what the runtime itself
 * costs. What is between it and us is ours.
 */
import type { Lab } from "../lab.ts";
import type { Origin } from "../origin.ts";
import type { Peer, RunningPeer } from "./peer.ts";
import { startScript } from "./script.ts";

export function barePeer(): Peer {
  return {
    name: "bare",
    title: "bare Deno.serve",
    missing: () => Promise.resolve(undefined),
    async start(lab: Lab, origin: Origin): Promise<RunningPeer> {
      const port = lab.port();
      const group = await startScript(lab, "bare", port, String(origin.port));
      return {
        name: "bare",
        group,
        port,
        publishPort: port,
        dialect: "bare",
        settleMs: 200,
        calmMs: 35_000,
        async held(channel) {
          const response = await fetch(`http://127.0.0.1:${port}/polls?channel=${channel}`);
          return Number(await response.text());
        },
        [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
      };
    },
  };
}
