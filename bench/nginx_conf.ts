/** What every nginx of the harness has in common: everything in one directory, nothing logged, many connections. */
import type { Lab } from "./lab.ts";
import { type ProcessGroup, startGroup } from "./processes.ts";

export interface NginxOptions {
  readonly name: string;
  readonly workers: number;
  /** Goes before `events`. */
  readonly main?: string;
  /** Goes into `http`. */
  readonly http: string;
}

/** Starts an nginx with this configuration; it listens some moments later. */
export async function startNginx(lab: Lab, options: NginxOptions): Promise<ProcessGroup> {
  const prefix = `${lab.dir}/${options.name}`;
  await Deno.mkdir(prefix, { recursive: true });
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${prefix}/${kind};`).join("\n  ");
  const conf = await lab.write(
    `${options.name}.conf`,
    `${options.main ?? ""}
${Deno.uid() === 0 ? "user root;" : ""}
daemon off;
worker_processes ${options.workers};
worker_rlimit_nofile 20000;
pid ${prefix}/pid;
error_log ${prefix}/error.log crit;
events { worker_connections 19000; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 3600s;
  send_timeout 3600s;
  tcp_nodelay on;
  sendfile on;
  default_type text/plain;
  ${temp}
  ${options.http}
}
`,
  );
  return startGroup([nginxBinary(), "-c", conf, "-p", prefix, "-e", `${prefix}/error.log`], {
    logFile: `${prefix}/out.log`,
  });
}

/** Debian keeps it out of the PATH of users. */
export function nginxBinary(): string {
  return "/usr/sbin/nginx";
}
