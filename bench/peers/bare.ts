/** A bare Deno.serve that copies every publish to every stream: what the runtime allows, and a floor under the load. */
import type { Lab } from "../lab.ts";
import { startGroup, until } from "../processes.ts";
import type { Peer, RunningPeer } from "./peer.ts";
import { answers } from "./probe.ts";

export function barePeer(): Peer {
  return {
    name: "bare",
    title: "bare Deno.serve",
    missing: () => Promise.resolve(undefined),
    async start(lab: Lab): Promise<RunningPeer> {
      const port = lab.port();
      const script = new URL("./bare_server.ts", import.meta.url).pathname;
      const group = startGroup([Deno.execPath(), "run", "-A", "--no-config", script, String(port)], {
        logFile: `${lab.dir}/bare.log`,
      });
      await until("the bare server", () => answers(port));
      return {
        name: "bare",
        group,
        port,
        publishPort: port,
        dialect: "bare",
        settleMs: 200,
        held: () => Promise.resolve(0),
        [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
      };
    },
  };
}
