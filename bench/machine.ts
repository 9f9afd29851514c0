/** Where the numbers come from. */
import { nginxBinary } from "./nginx_conf.ts";
import { runToEnd } from "./processes.ts";

export async function describeMachine(): Promise<string> {
  const cpu = /^model name\s*: (.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ?? "unknown CPU";
  const memory = Deno.systemMemoryInfo().total / 1024 ** 3;
  const load = Deno.loadavg()[0] ?? 0;
  return `${navigator.hardwareConcurrency} cores (${cpu}), ${memory.toFixed(0)} GB, ${Deno.build.os} ` +
    `${Deno.osRelease()}, load at the start ${load.toFixed(1)}`;
}

/** What is compared, by version; absent where it is not there. */
export async function versions(): Promise<Readonly<Record<string, string>>> {
  const asked: Readonly<Record<string, readonly [string, ...string[]]>> = {
    nginx: [nginxBinary(), "-v"],
    nchan: ["dpkg-query", "-W", "-f=${Version}", "libnginx-mod-nchan"],
    pushpin: ["dpkg-query", "-W", "-f=${Version}", "pushpin"],
    wrk: ["dpkg-query", "-W", "-f=${Version}", "wrk"],
  };
  const found: Record<string, string> = { deno: Deno.version.deno, v8: Deno.version.v8 };
  for (const [name, command] of Object.entries(asked)) {
    try {
      const { code, stdout, stderr } = await runToEnd(command);
      if (code === 0) found[name] = (stdout + stderr).trim().replace(/^nginx version: nginx\//, "");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}

export async function commitOf(tree: string): Promise<string> {
  const { code, stdout } = await runToEnd(["git", "-C", tree, "describe", "--always", "--dirty"]);
  return code === 0 ? stdout.trim() : "unknown";
}
