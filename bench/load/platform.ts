/** What the load generator needs, said before it is started. */

/** Why there can be no load generator here; undefined where there can. */
export function loadGeneratorMissing(): string | undefined {
  return Deno.build.os === "linux"
    ? undefined
    : `the load generator needs Linux with glibc (epoll), this is ${Deno.build.os}`;
}
