/** Questions that all peers are asked. */
import { PATHS } from "../origin.ts";

/** Whether a GET comes back with 200. */
export async function answers(port: number, path: string = PATHS.small): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    // Not there yet: asked again.
    return false;
  }
}

/** Says what would do where a file is not there. */
export async function fileMissing(path: string, remedy: string): Promise<string | undefined> {
  try {
    await Deno.stat(path);
    return undefined;
  } catch {
    return `${path} is not there: ${remedy}`;
  }
}
