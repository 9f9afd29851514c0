/** Peers that are a script beside this one. */
import type { Lab } from "../lab.ts";
import { type ProcessGroup, startGroup, until } from "../processes.ts";
import { answers } from "./probe.ts";

/**
 * Starts `<name>_server.ts <port> <args>` and waits until it answers.
 *
 * @throws {Error} with what it wrote, where it does not.
 */
export async function startScript(
  lab: Lab,
  name: string,
  port: number,
  ...args: readonly string[]
): Promise<ProcessGroup> {
  const script = new URL(`./${name}_server.ts`, import.meta.url).pathname;
  const logFile = `${lab.dir}/${name}.log`;
  const command = [Deno.execPath(), "run", "-A", "--no-config", script, String(port), ...args];
  const group = startGroup(command, { logFile });
  try {
    await until(`the ${name} server`, () => answers(port));
    return group;
  } catch (error) {
    await group[Symbol.asyncDispose]();
    throw new Error(`Cannot start the ${name} server: ${await Deno.readTextFile(logFile)}`, { cause: error });
  }
}
