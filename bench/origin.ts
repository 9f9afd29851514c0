/**
 * The origin that all proxies stand in front of: an nginx, so that it is never the slowest part. Files and fixed
 * answers; holds by Grip-* headers, the channel taken from the query.
 */
import type { Lab } from "./lab.ts";
import { startNginx } from "./nginx_conf.ts";
import { until } from "./processes.ts";
import { encodeText } from "./text.ts";

export interface Origin extends AsyncDisposable {
  readonly port: number;
  /** Requests that came in since it started, but for those of this function. */
  requests(): Promise<number>;
}

/** Paths the origin answers. */
export const PATHS = {
  /** 64 bytes of text. */
  small: "/small",
  /** 100 KB that do not compress. */
  large: "/large",
  /** Takes a body of 100 KB whole, answers with two bytes. */
  post: "/post",
  /** 100 KB of text, gzip where the client takes it (packed beforehand). */
  gzip: "/text",
  stream: "/stream",
  /** With a keep-alive every 25 s. */
  streamKeepAlive: "/stream-keep-alive",
  poll: "/poll",
} as const;

export const LARGE_BYTES = 100 * 1024;

/** Starts it and waits until it answers. */
export async function startOrigin(lab: Lab): Promise<Origin> {
  const files = `${lab.dir}/files`;
  await Deno.mkdir(files);
  await Deno.writeFile(`${files}/large`, pseudoRandom(LARGE_BYTES));
  const text = encodeText("Every line of this text says the same thing, so it packs well.\n".repeat(1640));
  await Deno.writeFile(`${files}/text`, text);
  await Deno.writeFile(`${files}/text.gz`, await gzip(text));
  const port = lab.port();
  const group = await startNginx(lab, { name: "origin", workers: 1, http: originConf(port, files) });
  let asked = 0;
  const status = async () => {
    asked++;
    const response = await fetch(`http://127.0.0.1:${port}/status`);
    const numbers = /requests\s+\d+ \d+ (\d+)/.exec(await response.text());
    return Number(numbers?.[1] ?? Number.NaN) - asked;
  };
  await until("the origin", () => status().then(() => true, () => false));
  asked = 0;
  const base = await status();
  return {
    port,
    requests: async () => await status() - base,
    [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
  };
}

function originConf(port: number, files: string): string {
  const hold = (mode: string, more = "") => `
      add_header Grip-Hold ${mode};
      add_header Grip-Channel $arg_channel;
      ${more}`;
  const sse = `default_type text/event-stream; return 200 ": open\\n\\n";`;
  return `
  open_file_cache max=100 inactive=1h;
  upstream itself { server 127.0.0.1:${port}; keepalive 64; }
  server {
    listen 127.0.0.1:${port} backlog=8192;
    location = ${PATHS.small} { return 200 "${"x".repeat(63)}\\n"; }
    location = /ok { return 200 "ok"; }
    location = ${PATHS.large} { root ${files}; }
    location = ${PATHS.gzip} { root ${files}; gzip_static on; }
    location = ${PATHS.post} {
      # Read whole before it is answered; nothing of it goes further.
      client_max_body_size 1m; client_body_buffer_size 256k;
      proxy_pass_request_body off; proxy_set_header Content-Length "";
      proxy_method GET; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_pass http://itself/ok;
    }
    location = ${PATHS.stream} { ${hold("stream")} ${sse} }
    location = ${PATHS.streamKeepAlive} {
      ${hold("stream", `add_header Grip-Keep-Alive ":\\\\n\\\\n; format=cstring; timeout=25";`)} ${sse}
    }
    location = ${PATHS.poll} { ${hold("response", "add_header Grip-Timeout 600;")} return 200 "timeout\\n"; }
    location = /status { stub_status; }
  }`;
}

/** The same bytes every time; a linear congruential generator is random enough for gzip. */
function pseudoRandom(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 12345;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}
