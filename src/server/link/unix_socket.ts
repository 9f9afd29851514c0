/** A local socket that is ours alone: mode 0600, the leftover of a dead process replaced, a living one respected. */
import { dirname } from "node:path";
import { describeError, PushpinError } from "../../errors.ts";

export interface OwnedSocket extends Disposable {
  readonly listener: Deno.Listener;
}

/**
 * Listens on `path`, whose directory is made where it is missing; others may look into it, but not at the socket.
 * @throws {PushpinError} `PUSHPIN_LISTEN_FAILED` where a process answers there or a file is in the way.
 */
export async function listenUnix(path: string): Promise<OwnedSocket> {
  const refuse = (is: string, cause?: unknown) =>
    new PushpinError("PUSHPIN_LISTEN_FAILED", `Cannot listen on "${path}" for proxies: ${is}`, { cause });
  if (Deno.build.os === "windows") {
    throw refuse(
      "Windows has no local sockets here: set link_spec to a tcp:// address, or run with --single-process",
    );
  }
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    await removeStale(path, refuse);
  } catch (error) {
    if (error instanceof PushpinError) throw error;
    throw refuse(`${describeError(error)}: set rundir to a directory that can be written`, error);
  }
  // Under a umask, so that the socket is never, not even for a moment, open to others.
  const umask = Deno.umask(0o177);
  let listener: Deno.UnixListener;
  try {
    listener = Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw refuse(`${describeError(error)}: set rundir or stop the other process`, error);
  } finally {
    Deno.umask(umask);
  }
  const { ino, dev } = Deno.lstatSync(path);
  return {
    listener,
    [Symbol.dispose]: () => {
      listener.close();
      removeOwn(path, { ino, dev });
    },
  };
}

async function removeStale(path: string, refuse: (is: string) => PushpinError): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (!info.isSocket) throw refuse("a file that is no socket is there: move it away or set rundir");
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch {
    // Nobody answers: the leftover of a process that was killed.
    await Deno.remove(path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    return;
  }
  throw refuse("another handler answers there: stop it or set rundir");
}

/** Only the file that we made: a successor may have put its own there already. */
function removeOwn(path: string, own: { readonly ino: number | null; readonly dev: number }): void {
  try {
    const { ino, dev } = Deno.lstatSync(path);
    if (ino === own.ino && dev === own.dev) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
