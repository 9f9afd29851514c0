/**
 * The field's own libraries, each in a process of its own: their packages are not the program's, and stay out of its
 * lock file. A peer prints lines; a test waits for the ones it wants.
 */
import { TextLineStream } from "@std/streams";
import { ROOT } from "../../helpers/program.ts";
import { eventually } from "../../helpers/wait.ts";

const HERE = `${ROOT}tests/e2e/clients`;

export class Peer implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<void>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#output = this.#read();
  }

  /** Runs a file of this directory with this Deno. */
  static start(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Peer {
    return new Peer(
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--quiet", "--config", `${HERE}/clients.json`, `${HERE}/${file}`, ...args],
        env: { ...env, NO_COLOR: "1" },
        stdin: "null",
        stdout: "piped",
        stderr: "inherit",
      }).spawn(),
    );
  }

  /** The first line that fits, once it is there; long enough for a first download of packages. */
  async line(pattern: RegExp, deadlineMs = 60_000): Promise<string> {
    return await eventually(() => this.lines.find((line) => pattern.test(line)), {
      deadlineMs,
      what: `a line like ${pattern}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (e) {
      if (!(e instanceof TypeError)) throw e; // it had ended already
    }
    await this.#child.status;
    await this.#output;
  }

  async #read(): Promise<void> {
    const text = this.#child.stdout.pipeThrough(new TextDecoderStream());
    for await (const line of text.pipeThrough<string>(new TextLineStream())) this.lines.push(line);
  }
}
