/** A generator process, from the harness's side. */
import { decodeText, encodeText } from "../text.ts";
import type { RunningPeer } from "../peers/peer.ts";
import { until } from "../processes.ts";
import { loadGeneratorMissing } from "./platform.ts";
import type { Command, OpenCommand, PublishCommand, Reply } from "./protocol.ts";

const fleets = new Set<Deno.ChildProcess>();

export class Fleet implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  #pending = "";

  /** @throws {Error} where there can be none. */
  constructor() {
    const why = loadGeneratorMissing();
    if (why !== undefined) throw new Error(`Cannot start the load generator: ${why}`);
    const script = new URL("./generator.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    fleets.add(this.#child);
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.getReader();
  }

  /** Says one thing and waits for the answer. @throws {Error} where the generator failed. */
  async tell(command: Command): Promise<Reply> {
    await this.#input.write(encodeText(JSON.stringify(command) + "\n"));
    for (let end = this.#pending.indexOf("\n"); end < 0; end = this.#pending.indexOf("\n")) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`The load generator died at "${command.do}"`);
      this.#pending += decodeText(value);
    }
    const end = this.#pending.indexOf("\n");
    const reply = JSON.parse(this.#pending.slice(0, end)) as Reply;
    this.#pending = this.#pending.slice(end + 1);
    if (reply.error !== undefined) {
      throw new Error(`The load generator failed at "${command.do}": ${reply.error}`);
    }
    return reply;
  }

  open(
    peer: RunningPeer,
    options: Pick<OpenCommand, "kind" | "count"> & Partial<OpenCommand>,
  ): Promise<Reply> {
    const { port, dialect } = peer;
    return this.tell({ do: "open", port, dialect, channel: "c", channels: 1, window: 100, ...options });
  }

  publish(
    peer: RunningPeer,
    options: Pick<PublishCommand, "messages" | "bytes" | "pace" | "expected"> & Partial<PublishCommand>,
  ): Promise<Reply> {
    const { publishPort: port, dialect } = peer;
    if (port === undefined) throw new Error(`Cannot publish: ${peer.name} takes none`);
    return this.tell({
      do: "publish",
      port,
      dialect,
      channel: "c",
      channels: 1,
      connections: 1,
      batch: 1,
      ...options,
    });
  }

  /** Publishes to channel c0 by ZeroMQ. */
  push(peer: RunningPeer, messages: number): Promise<Reply> {
    if (peer.zmqPort === undefined) throw new Error(`Cannot publish by ZeroMQ: ${peer.name} takes none`);
    return this.tell({ do: "push", port: peer.zmqPort, channel: "c", messages });
  }

  /** Opens long-polls: nothing comes back from those, so the peer or its origin says how many have arrived. */
  async openPolls(peer: RunningPeer, count: number, channel = "c"): Promise<number> {
    // The original loses some of 200 that come within a few milliseconds.
    const WINDOW = peer.name === "pushpin" ? 50 : 200;
    const start = performance.now();
    const before = await peer.held(`${channel}0`);
    for (let sent = 0; sent < count;) {
      const some = Math.min(WINDOW, count - sent);
      await this.open(peer, { kind: "poll", count: some, channel });
      sent += some;
      await arrived(peer, channel, before + sent);
    }
    return (performance.now() - start) / 1000;
  }

  /** All long-polls that were answered ask again; some peers lose some of them. */
  async pollAgain(
    peer: RunningPeer,
    channel = "c",
  ): Promise<{ readonly seconds: number; readonly lost: number }> {
    const start = performance.now();
    const before = await peer.held(`${channel}0`);
    const { opened } = await this.tell({ do: "again" });
    try {
      await arrived(peer, channel, before + opened);
      return { seconds: (performance.now() - start) / 1000, lost: 0 };
    } catch {
      const lost = before + opened - await peer.held(`${channel}0`);
      return { seconds: (performance.now() - start) / 1000, lost };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
    await this.#child.status;
    fleets.delete(this.#child);
  }
}

/** For the end of the harness itself. */
export function killAllFleets(): void {
  for (const child of fleets) child.kill("SIGKILL");
}

async function arrived(peer: RunningPeer, channel: string, count: number): Promise<void> {
  await until(`${count} long-polls to be held`, async () => await peer.held(`${channel}0`) >= count, {
    everyMs: 2,
    deadlineMs: 10_000,
  });
}
