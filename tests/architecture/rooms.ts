/** The house's plan as data: which file stands in which room, and which room may import which. ARCHITECTURE.md says why. */

/**
 * From the door to the foundation. A file imports its own room and what stands on a later line; rooms on one line are
 * neighbours that do not know each other.
 */
export const LEVELS: readonly (readonly string[])[] = [
  ["main"],
  ["app"],
  ["runner"],
  ["control"],
  ["proxy"],
  ["hub"],
  ["link"],
  ["edge", "origin", "stats", "log_writer"],
  ["zmq"],
  ["wire"],
  ["settings"],
  ["routes"],
  ["grip"],
  ["words"],
];

/** The room of a source file, by its path from the root; undefined where the plan has none. */
export function roomOf(path: string): string | undefined {
  if (path === "main.ts") return "main";
  const server = /^src\/server\/([^/]+)\//.exec(path)?.[1];
  if (server !== undefined) return levelOf(server) >= 0 ? server : undefined;
  if (/^src\/server\/log_\w+\.ts$/.test(path)) return "log_writer";
  const pure = /^src\/(grip|routes)\//.exec(path)?.[1];
  if (pure !== undefined) return pure;
  if (/^src\/app(_\w+)?(\.ts$|\/)/.test(path)) return "app";
  if (/^src\/(cli|config)(_\w+)?(\.ts$|\/)/.test(path)) return "settings";
  return /^src\/(errors|log|metrics)\.ts$/.test(path) ? "words" : undefined;
}

/** 0 is the door; -1 for a room that is not in the plan. */
export function levelOf(room: string): number {
  return LEVELS.findIndex((level) => level.includes(room));
}

/** Files that do no I/O and read no clock, by their path from the root. */
export function isPure(path: string): boolean {
  return /^src\/(grip|routes|server\/wire)\//.test(path) ||
    /^src\/server\/proxy\/(origin_request|hop_headers|x_forwarded|access_line)\.ts$/.test(path);
}
