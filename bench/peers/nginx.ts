/**
 * nginx as a plain proxy: the yardstick of forwarding. Twice: with `proxy_pass` and nothing else, as most people have it
 * (a new connection to the origin for each request), and with an upstream whose connections are kept.
 */
import type { Lab } from "../lab.ts";
import { nginxBinary, startNginx } from "../nginx_conf.ts";
import type { Origin } from "../origin.ts";
import { until } from "../processes.ts";
import { answers, fileMissing } from "./probe.ts";
import type { Peer, RunningPeer } from "./peer.ts";

export function nginxPeer(name: "nginx" | "nginx-kept" | "nginx-2"): Peer {
  const workers = name === "nginx-2" ? 2 : 1;
  const kept = name === "nginx-kept";
  return {
    name,
    title: kept ? "nginx, origin connections kept" : `nginx, ${workers} worker${workers === 1 ? "" : "s"}`,
    missing: () => fileMissing(nginxBinary(), "apt-get install nginx-light"),
    async start(lab: Lab, origin: Origin): Promise<RunningPeer> {
      const port = lab.port();
      const group = await startNginx(lab, {
        name,
        workers,
        http: `
  upstream origin { server 127.0.0.1:${origin.port}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=8192;
    client_max_body_size 10m; client_body_buffer_size 256k;
    location / {
      ${
          kept
            ? 'proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";'
            : `proxy_pass http://127.0.0.1:${origin.port};`
        }
    }
  }`,
      });
      await until(name, () => answers(port));
      return {
        name,
        group,
        port,
        dialect: "grip",
        settleMs: 0,
        calmMs: 2_000,
        held: () => origin.requests(),
        [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
      };
    },
  };
}
