/** The socket file of an ipc endpoint: who owns it, and when it may be replaced. */
import { dirname } from "node:path";
import { describeError, PushpinError } from "../../errors.ts";

/** A bound ipc socket; `release` closes it and removes the file if it is still ours. */
export interface IpcListener {
  readonly listener: Deno.UnixListener;
  release(): void;
}

/**
 * Listens on a socket file, whose directory is made where it is missing. One that a dead process left behind is
 * replaced; one that somebody answers on, and anything that is no socket, is not touched.
 *
 * @throws {PushpinError} `PUSHPIN_LISTEN_FAILED`
 */
export async function listenIpc(path: string, mode: number | undefined): Promise<IpcListener> {
  let listener: Deno.UnixListener;
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    listener = Deno.listen({ transport: "unix", path });
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.AddrInUse)) throw failed(path, describeError(thrown), thrown);
    await removeStale(path);
    try {
      listener = Deno.listen({ transport: "unix", path });
    } catch (again) {
      throw failed(path, describeError(again), again);
    }
  }
  try {
    if (mode !== undefined) Deno.chmodSync(path, mode);
    const inode = inodeOf(path);
    return {
      listener,
      release() {
        listener.close();
        if (inode !== null && inodeOf(path) === inode) Deno.removeSync(path);
      },
    };
  } catch (thrown) {
    listener.close();
    throw failed(path, describeError(thrown), thrown);
  }
}

async function removeStale(path: string): Promise<void> {
  const found = Deno.lstatSync(path);
  if (!found.isSocket) {
    throw failed(path, "a file that is no socket is in the way: remove it or use another path");
  }
  try {
    const conn = await Deno.connect({ transport: "unix", path });
    conn.close();
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.ConnectionRefused)) throw failed(path, describeError(thrown), thrown);
    Deno.removeSync(path);
    return;
  }
  throw failed(path, "address in use: use another path or stop the other process");
}

function inodeOf(path: string): number | null {
  try {
    return Deno.lstatSync(path).ino;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

function failed(path: string, what: string, cause?: unknown): PushpinError {
  return new PushpinError("PUSHPIN_LISTEN_FAILED", `Cannot listen on ipc://${path}: ${what}`, { cause });
}
