/** Finds what a run needs beside Deno, and installs it from Debian where it may. */
import { nginxBinary } from "./nginx_conf.ts";
import { runToEnd } from "./processes.ts";

/** A file that says a package is there. */
const NEEDED: Readonly<Record<string, readonly [file: string, ...packages: string[]]>> = {
  wrk: ["/usr/bin/wrk", "wrk"],
  nginx: [nginxBinary(), "nginx-light"],
  nchan: ["/usr/lib/nginx/modules/ngx_nchan_module.so", "libnginx-mod-nchan"],
  pushpin: ["/usr/bin/pushpin", "pushpin"],
  zurl: ["/usr/bin/zurl", "zurl"],
};

/**
 * Installs what is missing, where this is Debian and we are root. Services that the packages start are none of ours:
 * they are told not to start.
 */
export async function installPeers(say: (line: string) => void): Promise<void> {
  const absent = [];
  for (const [file, ...packages] of Object.values(NEEDED)) if (!await exists(file)) absent.push(...packages);
  if (absent.length === 0) return;
  if (Deno.uid() !== 0 || !await exists("/usr/bin/apt-get")) {
    say(`not installed: ${absent.join(" ")} (as root: apt-get install ${absent.join(" ")})`);
    return;
  }
  say(`installing ${absent.join(" ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  // Exit code 101 forbids the start of services (invoke-rc.d).
  const policy = "/usr/sbin/policy-rc.d";
  const mine = !await exists(policy);
  if (mine) await Deno.writeTextFile(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await runToEnd(["apt-get", "update", "-qq"], { env });
    // One by one: a package that this release has not must not keep the others out.
    for (const name of absent) {
      const { code, stderr } = await runToEnd([
        "apt-get",
        "install",
        "-y",
        "-qq",
        "--no-install-recommends",
        name,
      ], { env });
      if (code !== 0) say(`cannot install ${name}: ${stderr.trim().split("\n").at(-1)}`);
    }
  } finally {
    if (mine) await Deno.remove(policy);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
