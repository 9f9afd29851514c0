/** Nchan (Debian's libnginx-mod-nchan): the yardstick of fan-out. Its clients subscribe at once, no origin is asked. */
import type { Lab } from "../lab.ts";
import { startNginx } from "../nginx_conf.ts";
import type { Origin } from "../origin.ts";
import { until } from "../processes.ts";
import type { Peer, RunningPeer } from "./peer.ts";
import { answers, fileMissing } from "./probe.ts";

const MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so";

export function nchanPeer(workers: 1 | 2): Peer {
  const name = workers === 1 ? "nchan" : "nchan-2";
  return {
    name,
    title: `Nchan, ${workers} worker${workers === 1 ? "" : "s"}`,
    missing: () => fileMissing(MODULE, "apt-get install nginx-light libnginx-mod-nchan"),
    async start(lab: Lab, _origin: Origin): Promise<RunningPeer> {
      const port = lab.port();
      const group = await startNginx(lab, {
        name,
        workers,
        main: `load_module ${MODULE};`,
        http: `
  nchan_shared_memory_size 512m;
  nchan_subscriber_timeout 0;
  server {
    listen 127.0.0.1:${port} backlog=8192;
    client_body_buffer_size 256k;
    location = /small { return 200 "ok"; }
    location = /sub {
      nchan_subscriber eventsource; nchan_channel_id $arg_channel; nchan_subscriber_first_message newest;
      nchan_eventsource_ping_interval 25;
    }
    location = /poll {
      nchan_subscriber longpoll; nchan_channel_id $arg_channel; nchan_subscriber_first_message newest;
    }
    location = /pub {
      nchan_publisher; nchan_channel_id $arg_channel;
      # A burst must find room, or its oldest messages are dropped before slow readers have had them.
      nchan_message_buffer_length 20000; nchan_message_timeout 60s;
    }
  }`,
      });
      await until(name, () => answers(port));
      return {
        name,
        group,
        port,
        publishPort: port,
        dialect: "nchan",
        settleMs: 200,
        calmMs: 2_000,
        async held(channel) {
          const response = await fetch(`http://127.0.0.1:${port}/pub?channel=${channel}`);
          return Number(/active subscribers: (\d+)/.exec(await response.text())?.[1] ?? 0);
        },
        [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
      };
    },
  };
}
