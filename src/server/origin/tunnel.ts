/**
 * A way to connect to one address and verify TLS for another name. fetch always connects to the host of its URL, and
 * verifies that one; with a CONNECT proxy it leaves the connecting to the proxy. This is that proxy, for this process
 * alone: it listens on 127.0.0.1, wants a secret that changes with every start, and opens only the targets it was given.
 * What it carries is TLS from end to end; it sees none of it.
 */
import { encodeBase64 } from "@std/encoding/base64";

/** How long accepting rests after an error such as "too many open files". */
const ACCEPT_PAUSE_MS = 100;

/** Where a tunnel ends. */
export type TunnelTarget = () => Promise<{ readonly hostname: string; readonly port: number }>;

/** A proxy's address as `Deno.createHttpClient` takes it. */
export interface TunnelProxy {
  readonly url: string;
  readonly basicAuth: { readonly username: string; readonly password: string };
}

const MAX_HEAD_BYTES = 8192;
const latin1 = (bytes: Uint8Array) => String.fromCharCode(...bytes);
const encoder = new TextEncoder();

export class Tunnels implements Disposable {
  readonly #secret = crypto.randomUUID();
  readonly #targets = new Map<string, TunnelTarget>();
  readonly #open = new Set<Deno.Conn>();
  #listener: Deno.TcpListener | undefined;

  /** A proxy that connects to `target`, whatever host the request names. Kept for the life of this object. */
  proxyTo(target: TunnelTarget): TunnelProxy {
    const listener = this.#listener ??= this.#listen();
    const name = String(this.#targets.size);
    this.#targets.set(`Basic ${encodeBase64(`${name}:${this.#secret}`)}`, target);
    const { hostname, port } = listener.addr as Deno.NetAddr;
    return { url: `http://${hostname}:${port}`, basicAuth: { username: name, password: this.#secret } };
  }

  [Symbol.dispose](): void {
    this.#listener?.close();
    for (const conn of this.#open) closeQuietly(conn);
  }

  #listen(): Deno.TcpListener {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accept(listener);
    return listener;
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    for (;;) {
      let conn: Deno.TcpConn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return; // closed by dispose
        // One connection's failure (too many files, reset before accept) is not the listener's; the first passes slowly.
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        continue;
      }
      this.#carry(conn);
    }
  }

  async #carry(client: Deno.TcpConn): Promise<void> {
    this.#open.add(client);
    let origin: Deno.TcpConn | undefined;
    try {
      const target = await this.#readTarget(client);
      if (target === undefined) {
        await client.write(encoder.encode("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
        return;
      }
      origin = await Deno.connect(await target());
      this.#open.add(origin);
      await client.write(encoder.encode("HTTP/1.1 200 OK\r\n\r\n"));
      await Promise.all([
        client.readable.pipeTo(origin.writable),
        origin.readable.pipeTo(client.writable),
      ]);
    } catch {
      // Either side went away, or the target cannot be reached: closing tells the other one, fetch says the reason.
    } finally {
      for (const conn of [client, origin]) {
        if (conn === undefined) continue;
        this.#open.delete(conn);
        closeQuietly(conn);
      }
    }
  }

  /** Reads the CONNECT's head; TLS begins only after our answer, so nothing else can have come with it. */
  async #readTarget(client: Deno.TcpConn): Promise<TunnelTarget | undefined> {
    const buffer = new Uint8Array(MAX_HEAD_BYTES);
    let length = 0;
    while (length < buffer.length) {
      const read = await client.read(buffer.subarray(length));
      if (read === null) return undefined;
      length += read;
      const head = latin1(buffer.subarray(0, length));
      if (!head.includes("\r\n\r\n")) continue;
      const authorization = /^proxy-authorization: *(.*)\r$/im.exec(head)?.[1];
      return head.startsWith("CONNECT ") && authorization !== undefined
        ? this.#targets.get(authorization)
        : undefined;
    }
    return undefined;
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // closed already, by the pipe that ended first
  }
}
