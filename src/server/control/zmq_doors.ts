/** All ZeroMQ sockets of a handler, from its settings: publish PULL and SUB, commands, statistics. */
import { PushpinError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import type { StatsPacket, StatsType } from "../stats/packet.ts";
import { ZmqStats } from "../stats/zmq_stats.ts";
import type { Ingest } from "./ingest.ts";
import { openZmqCommand } from "./zmq_command.ts";
import { discoverable } from "./zmq_commands.ts";
import { openZmqPull } from "./zmq_pull.ts";
import { openZmqSub } from "./zmq_sub.ts";

/** The settings by their names in the configuration; ports already moved, what is off is empty. */
export interface ZmqDoorSettings {
  readonly push_in_spec: string;
  readonly push_in_sub_specs: readonly string[];
  readonly push_in_sub_connect: boolean;
  readonly command_spec: string;
  readonly stats_spec: string;
  readonly stats_format: "tnetstring" | "json";
  readonly ipc_file_mode?: number | undefined;
}

export interface ZmqDoorsOptions {
  readonly settings: ZmqDoorSettings;
  readonly ingest: Ingest;
  /** Calls back for each channel that has listeners now, and whenever a channel gets its first or loses its last. */
  readonly watchInterest: (watch: (channel: string, wanted: boolean) => void) => void;
  readonly watchStats: (watch: (packets: readonly StatsPacket[]) => void) => void;
  /** Told which types of packets have subscribers, whenever that changes. */
  readonly onStatsWanted?: (types: readonly StatsType[]) => void;
  /** The `from` of statistics packets. */
  readonly from: string;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface ZmqDoors extends AsyncDisposable {
  /** What each setting's sockets are bound to; empty where it is off or connects. */
  readonly endpoints: Readonly<
    Record<"push_in_spec" | "push_in_sub_specs" | "command_spec" | "stats_spec", readonly string[]>
  >;
  /** Undefined where `stats_spec` is off. */
  readonly stats: ZmqStats | undefined;
}

/**
 * Opens what is set, the publishing doors first, so that whoever discovers them through the command socket finds them
 * open.
 *
 * @throws {PushpinError} `PUSHPIN_LISTEN_FAILED` or `PUSHPIN_CONFIG_INVALID`, naming the setting; then nothing is open.
 */
export async function openZmqDoors(options: ZmqDoorsOptions): Promise<ZmqDoors> {
  const { settings, ingest, log, metrics } = options;
  const mode = settings.ipc_file_mode === undefined ? {} : { ipcFileMode: settings.ipc_file_mode };
  const common = { ingest, log, metrics, ...mode };
  await using parts = new AsyncDisposableStack();

  const pullSpecs = some(settings.push_in_spec);
  const pull = await naming("push_in_spec", () => openZmqPull({ ...common, specs: pullSpecs }));
  parts.use(pull);

  const subSpecs = settings.push_in_sub_specs;
  const connect = settings.push_in_sub_connect;
  const sub = await naming("push_in_sub_specs", () => openZmqSub({ ...common, specs: subSpecs, connect }));
  parts.use(sub);
  if (subSpecs.length > 0) {
    options.watchInterest((channel, wanted) => wanted ? sub.want(channel) : sub.unwant(channel));
  }

  let stats: ZmqStats | undefined;
  const statsSpecs = some(settings.stats_spec);
  if (statsSpecs.length > 0) {
    const opened = await naming(
      "stats_spec",
      () =>
        ZmqStats.open({
          log,
          specs: statsSpecs,
          format: settings.stats_format,
          from: options.from,
          ...(options.onStatsWanted !== undefined && { onWanted: options.onStatsWanted }),
          ...mode,
        }),
    );
    parts.use(opened);
    options.watchStats((packets) => opened.send(packets));
    stats = opened;
  }

  const commandSpecs = some(settings.command_spec);
  const uris = {
    publishPull: discoverable(pullSpecs[0], pull.endpoints[0]),
    publishSub: connect ? undefined : discoverable(subSpecs[0], sub.endpoints[0]),
  };
  const command = await naming(
    "command_spec",
    () => openZmqCommand({ ...common, specs: commandSpecs, uris }),
  );
  parts.use(command);

  const running = parts.move();
  return {
    endpoints: {
      push_in_spec: pull.endpoints,
      push_in_sub_specs: sub.endpoints,
      command_spec: command.endpoints,
      stats_spec: stats?.endpoints ?? [],
    },
    stats,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function some(spec: string): readonly string[] {
  return spec === "" ? [] : [spec];
}

async function naming<T>(setting: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (thrown) {
    if (!(thrown instanceof PushpinError)) throw thrown;
    throw new PushpinError(thrown.code, `Cannot open ${setting}: ${thrown.message}`, { cause: thrown.cause });
  }
}
