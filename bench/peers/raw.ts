/**
 * Nothing but the kernel: a loop over one epoll that writes every message to every socket by a send() of its own. No
 * server with one send a delivery is faster here, and the generator counts no more than this, so a peer that comes near
 * it has measured the machine.
 */
import type { Lab } from "../lab.ts";
import { loadGeneratorMissing } from "../load/platform.ts";
import type { Origin } from "../origin.ts";
import { startGroup, until } from "../processes.ts";
import type { Peer, RunningPeer } from "./peer.ts";
import { answers } from "./probe.ts";

export function rawPeer(): Peer {
  return {
    name: "raw",
    title: "send() and nothing else",
    missing: () => Promise.resolve(loadGeneratorMissing()),
    async start(lab: Lab, _origin: Origin): Promise<RunningPeer> {
      const port = lab.port();
      const script = new URL("./raw_server.ts", import.meta.url).pathname;
      const command = [Deno.execPath(), "run", "-A", "--no-config", script, String(port)];
      const group = startGroup(command, { logFile: `${lab.dir}/raw.log` });
      try {
        await until("the raw server", () => answers(port));
      } catch (error) {
        await group[Symbol.asyncDispose]();
        const log = await Deno.readTextFile(`${lab.dir}/raw.log`);
        throw new Error(`Cannot start the raw server: ${log}`, { cause: error });
      }
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
