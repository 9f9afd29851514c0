/** A Python process with the real libzmq (Debian's python3-zmq), for tests that want a judge from outside. */
import { within } from "./wait.ts";

const SCRIPT = new URL("./libzmq_peer.py", import.meta.url).pathname;

function findPython(): string | undefined {
  for (const python of ["python3", "/usr/bin/python3"]) {
    try {
      const { success } = new Deno.Command(python, {
        args: ["-c", "import zmq"],
        stdout: "null",
        stderr: "null",
      }).outputSync();
      if (success) return python;
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }
  return undefined;
}

/** The Python that has `zmq`; undefined, said out loud once, where there is none. */
export const PYTHON_WITH_ZMQ: string | undefined = findPython();
if (PYTHON_WITH_ZMQ === undefined) {
  console.error("SKIPPED: interop with libzmq needs python3 with zmq (Debian: apt-get install python3-zmq)");
}

export interface OpenSocket {
  readonly bind?: string;
  readonly connect?: string;
  readonly linger?: number;
  /** By libzmq's names without `ZMQ_`, e.g. `{ RCVHWM: 1 }`; bytes as hex. */
  readonly options?: Readonly<Record<string, number | string>>;
}

export class LibzmqPeer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  /** A directory of its own, for socket files; goes with it. */
  readonly directory = Deno.makeTempDirSync({ prefix: "zmq" });
  #rest = "";
  #over = false;

  constructor() {
    if (PYTHON_WITH_ZMQ === undefined) throw new Error("No python with zmq");
    this.#process = new Deno.Command(PYTHON_WITH_ZMQ, {
      args: ["-u", SCRIPT],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Opens a socket under an id; gives the endpoint it is bound to. */
  async open(id: string, type: string, options: OpenSocket): Promise<string> {
    return (await this.ask({ op: "open", id, type, ...options }))["endpoint"] as string;
  }

  async send(id: string, ...parts: (string | Uint8Array)[]): Promise<void> {
    await this.ask({ op: "send", id, parts: parts.map((part) => toHex(part)) });
  }

  /** The parts of the next message; undefined after `timeoutMs` without one. */
  async receive(id: string, timeoutMs = 10_000): Promise<Uint8Array[] | undefined> {
    const { parts } = await this.ask({ op: "recv", id, timeout: timeoutMs });
    return (parts as string[] | null)?.map((part) => fromHex(part));
  }

  async receiveText(id: string, timeoutMs = 10_000): Promise<string[] | undefined> {
    return (await this.receive(id, timeoutMs))?.map((part) => new TextDecoder().decode(part));
  }

  async subscribe(id: string, topic: string): Promise<void> {
    await this.ask({ op: "subscribe", id, topic: toHex(topic) });
  }

  async unsubscribe(id: string, topic: string): Promise<void> {
    await this.ask({ op: "unsubscribe", id, topic: toHex(topic) });
  }

  /** One line to the script, one line back; see libzmq_peer.py. */
  async ask(question: Record<string, unknown>, deadlineMs = 60_000): Promise<Record<string, unknown>> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    const answer = JSON.parse(await within(this.#line(), `libzmq to do "${question["op"]}"`, deadlineMs));
    if (answer.error !== undefined) throw new Error(`libzmq: ${answer.error}`);
    return answer;
  }

  /** SIGKILL: sockets vanish as they do when a process dies. */
  async kill(): Promise<void> {
    this.#over = true;
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#lines.cancel();
    await this.#writer.abort().catch(() => {});
    await Deno.remove(this.directory, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    await this.#writer.close();
    await this.#lines.cancel();
    await this.#process.status;
    await Deno.remove(this.directory, { recursive: true });
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end !== -1) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("The libzmq process ended");
      this.#rest += value;
    }
  }
}

export function toHex(part: string | Uint8Array): string {
  const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
