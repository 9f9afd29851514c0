/** The ZeroMQ command socket (spec 3.5): tools and libraries ask with REQ or DEALER. */
import { describeError } from "../../errors.ts";
import { RepSocket, type Request } from "../zmq/mod.ts";
import { answerCommand, type CommandSurroundings, discoverable, type ZmqUris } from "./zmq_commands.ts";
import { doorSocketOptions, type ZmqDoorOptions } from "./zmq_intake.ts";

export interface ZmqCommandOptions extends ZmqDoorOptions {
  /** What `get-zmq-uris` tells besides this door's own. */
  readonly uris: Omit<ZmqUris, "command">;
}

export interface ZmqCommand extends AsyncDisposable {
  /** As bound, ports known. */
  readonly endpoints: readonly string[];
}

/** Requests being answered at once; further ones wait in their peer's queue. */
const MAX_ANSWERING = 128;

/**
 * Opens the door on all specs. @throws {PushpinError} `PUSHPIN_LISTEN_FAILED`, `PUSHPIN_CONFIG_INVALID`; then none is
 * open.
 */
export async function openZmqCommand(options: ZmqCommandOptions): Promise<ZmqCommand> {
  const { log } = options;
  const socket = new RepSocket(doorSocketOptions("command", options), "ROUTER");
  const endpoints: string[] = [];
  try {
    for (const spec of options.specs) endpoints.push(await socket.bind(spec));
  } catch (thrown) {
    await socket.close();
    throw thrown;
  }
  const around: CommandSurroundings = {
    ingest: options.ingest,
    uris: { command: discoverable(options.specs[0], endpoints[0]), ...options.uris },
    failed: (method, thrown) => log.error("command failed", { method, reason: describeError(thrown) }),
  };
  const answering = new Set<Promise<void>>();
  const serving = serve(socket, answering, async (request) => {
    const reply = await answerCommand(wholeBody(request), around);
    const routed = request.reply([reply]);
    if (routed === "full") {
      log.warn("command reply dropped", { reason: "the client does not read its replies" });
    }
  });
  return {
    endpoints,
    async [Symbol.asyncDispose]() {
      await socket.close();
      await serving;
      await Promise.all(answering);
    },
  };
}

/** Requests begin in the order of their arrival and end as they can. */
async function serve(
  socket: RepSocket,
  answering: Set<Promise<void>>,
  answer: (request: Request) => Promise<void>,
): Promise<void> {
  for (let request = await socket.receive(); request !== undefined; request = await socket.receive()) {
    const one: Promise<void> = answer(request).finally(() => answering.delete(one));
    answering.add(one);
    if (answering.size >= MAX_ANSWERING) await Promise.race(answering);
  }
}

/** One part as a rule; of more, the first says what is asked. */
function wholeBody(request: Request): Uint8Array {
  return request.parts[0] ?? new Uint8Array(0);
}
