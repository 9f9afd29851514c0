/** The program as a user runs it, on ports of its own: started, waited for, listened to, and stopped. */
import { TextLineStream } from "@std/streams";
import { freePorts } from "./free_port.ts";
import { DEFAULT_DEADLINE_MS, eventually, within } from "./wait.ts";

/** The repository's root. */
export const ROOT = new URL("../../", import.meta.url).pathname;

export interface ProgramOptions {
  /** Lines of a routes file. */
  readonly routes?: readonly string[];
  /** The limit of descriptors that the program starts with. */
  readonly descriptors?: number;
  /** Settings by section, over the free ports; values as TOML has them. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, SettingValue>>>>;
  /** More command line. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** An executable to start instead of `deno run main.ts`. */
  readonly executable?: string;
  readonly startDeadlineMs?: number;
}

export type SettingValue = string | number | boolean | readonly string[];

/** The ports of one program. */
export interface ProgramPorts {
  readonly http: number;
  readonly control: number;
  readonly push: number;
  readonly sub: number;
  readonly command: number;
}

/** Writes `[section]` tables with plain values. */
export function tomlText(settings: Readonly<Record<string, Readonly<Record<string, SettingValue>>>>): string {
  return Object.entries(settings).map(([section, values]) =>
    `[${section}]\n` +
    Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`).join("")
  ).join("\n");
}

/** What starts the program: the words before its own arguments. */
export function programCommand(executable?: string): readonly string[] {
  return executable !== undefined
    ? [executable]
    : [Deno.execPath(), "run", "-A", "--quiet", `${ROOT}main.ts`];
}

export class Program implements AsyncDisposable {
  readonly ports: ProgramPorts;
  /** A directory of the program's own; config, routes and rundir are in it. */
  readonly dir: string;
  readonly routesFile: string;
  readonly configFile: string;
  /** Both outputs, line by line, as they come. */
  readonly lines: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  #exited: Deno.CommandStatus | undefined;

  private constructor(
    child: Deno.ChildProcess,
    place: { readonly ports: ProgramPorts; readonly dir: string },
  ) {
    this.#child = child;
    this.ports = place.ports;
    this.dir = place.dir;
    this.routesFile = `${place.dir}/routes`;
    this.configFile = `${place.dir}/pushpin.toml`;
    this.#reading = Promise.all([this.#read(child.stdout), this.#read(child.stderr)]);
    child.status.then((status) => this.#exited = status);
  }

  /** Starts the program and waits for its line that ends in `started`. */
  static async start(options: ProgramOptions = {}): Promise<Program> {
    const dir = await Deno.makeTempDir({ prefix: "pushpin_" });
    const [http, control, push, sub, command] = freePorts(5) as [number, number, number, number, number];
    const ports = { http, control, push, sub, command };
    await Deno.writeTextFile(`${dir}/routes`, (options.routes ?? ["* test"]).join("\n") + "\n");
    await Deno.writeTextFile(`${dir}/pushpin.toml`, tomlText(settingsOf(dir, ports, options)));
    const whole = programCommand(options.executable);
    const [bin, ...words] =
      (options.descriptors === undefined
        ? whole
        : ["sh", "-c", `ulimit -n ${options.descriptors} && exec "$@"`, "sh", ...whole]) as [
          string,
          ...string[],
        ];
    const child = new Deno.Command(bin, {
      args: [...words, "--config", `${dir}/pushpin.toml`, ...options.args ?? []],
      env: { NO_COLOR: "1", ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const program = new Program(child, { ports, dir });
    try {
      await program.line(/started$/, options.startDeadlineMs ?? 30_000);
    } catch (e) {
      await program.stop("SIGKILL");
      throw e;
    }
    return program;
  }

  /** Where clients connect. */
  get port(): number {
    return this.ports.http;
  }

  get controlPort(): number {
    return this.ports.control;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  get controlUrl(): string {
    return `http://127.0.0.1:${this.ports.control}`;
  }

  /** The first line, past or to come, that fits; counted from line `from`. */
  async line(pattern: RegExp, deadlineMs = DEFAULT_DEADLINE_MS, from = 0): Promise<string> {
    const found = await eventually(() => {
      const line = this.lines.slice(from).find((text) => pattern.test(text));
      if (line === undefined && this.#exited) return { line: undefined };
      return line !== undefined && { line };
    }, { deadlineMs, what: `a log line like ${pattern}` }).catch((e) => {
      throw new Error(`${e.message}; the program said:\n${this.lines.join("\n")}`, { cause: e });
    });
    if (found.line === undefined) {
      throw new Error(
        `The program ended (code ${this.#exited?.code}) before a line like ${pattern}:\n${
          this.lines.join("\n")
        }`,
      );
    }
    return found.line;
  }

  /** Publishes through the HTTP control port; the items' JSON as given. */
  async publish(items: readonly unknown[]): Promise<void> {
    const response = await fetch(`${this.controlUrl}/publish/`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ items }),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`Publish refused: ${response.status} ${text}`);
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Waits for the program's own end. */
  async exited(deadlineMs = DEFAULT_DEADLINE_MS): Promise<Deno.CommandStatus> {
    return await within(this.#child.status, "the program's end", deadlineMs);
  }

  /** Stops the program and removes its directory; cut with SIGKILL when it does not obey. Safe to call twice. */
  async stop(signal: Deno.Signal = "SIGTERM", deadlineMs = 8_000): Promise<Deno.CommandStatus> {
    if (!this.#exited) {
      try {
        this.#child.kill(signal);
        await within(this.#child.status, `the program to end on ${signal}`, deadlineMs);
      } catch (e) {
        if (!(e instanceof TypeError)) this.#child.kill("SIGKILL"); // TypeError: it had ended already
      }
    }
    const status = await this.#child.status;
    // A child of the program that outlives it would hold the pipes open: that is a failure with a name, not a hang.
    await within(this.#reading, "the end of the program's output", deadlineMs);
    await Deno.remove(this.dir, { recursive: true }).catch((e) => {
      if (!(e instanceof Deno.errors.NotFound)) throw e;
    });
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const lines = stream.pipeThrough(new TextDecoderStream()).pipeThrough<string>(new TextLineStream());
    for await (const line of lines) this.lines.push(line);
  }
}

function settingsOf(
  dir: string,
  ports: ProgramPorts,
  options: ProgramOptions,
): Readonly<Record<string, Readonly<Record<string, SettingValue>>>> {
  const more = options.settings ?? {};
  return {
    ...more,
    global: { rundir: `${dir}/run`, ...more.global },
    runner: { http_port: `127.0.0.1:${ports.http}`, ...more.runner },
    proxy: { routesfile: "routes", ...more.proxy },
    handler: {
      push_in_http_addr: "127.0.0.1",
      push_in_http_port: ports.control,
      push_in_spec: `tcp://127.0.0.1:${ports.push}`,
      push_in_sub_specs: `tcp://127.0.0.1:${ports.sub}`,
      command_spec: `tcp://127.0.0.1:${ports.command}`,
      ...more.handler,
    },
  };
}
