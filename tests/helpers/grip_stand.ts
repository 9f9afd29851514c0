/**
 * The real program between a scripted origin and raw clients, for scenarios of GRIP: each has paths and channels of its
 * own, so that many run at the same time in one program, and the same ones in a program of several processes.
 */
import { assertEquals } from "@std/assert";
import type { RawHeader } from "./http_message.ts";
import { Program, type SettingValue } from "./program.ts";
import { RawClient } from "./raw_client.ts";
import { type OriginAnswer, type RecordedRequest, ScriptedOrigin } from "./scripted_origin.ts";
import { eventually } from "./wait.ts";

/** The program as one process, or as a runner with a handler and two proxies. */
export type Form = "one process" | "two proxies";

/** What the control port says became of an item (`Prefer: return=representation`). */
export interface ItemReport {
  readonly channel: string;
  readonly status: "published" | "duplicate" | "parked" | "dropped";
  readonly reason?: string;
  readonly matched: number;
  readonly dropped: Readonly<Record<string, number>>;
}

export interface Scenario {
  /** Begins with its number in the list of scenarios (spec 14). */
  readonly name: string;
  readonly run: (scene: Scene) => Promise<void>;
}

/** Publishes and says what the program reports of it. */
export async function publishReport(
  controlUrl: string,
  items: readonly unknown[],
): Promise<readonly ItemReport[]> {
  const response = await fetch(`${controlUrl}/publish/`, {
    method: "POST",
    headers: { "prefer": "return=representation" },
    body: JSON.stringify({ items }),
  });
  const text = await response.text();
  assertEquals(response.status, 200, text);
  return JSON.parse(text).items;
}

export class GripStand implements AsyncDisposable {
  readonly form: Form;
  readonly program: Program;
  readonly origin: ScriptedOrigin;

  private constructor(form: Form, program: Program, origin: ScriptedOrigin) {
    this.form = form;
    this.program = program;
    this.origin = origin;
  }

  /** By default without the update on a channel's first subscription, which would ask the origin a second time. */
  static async start(
    form: Form,
    settings: Readonly<Record<string, Readonly<Record<string, SettingValue>>>> = {
      handler: { update_on_first_subscription: false },
    },
  ): Promise<GripStand> {
    const origin = ScriptedOrigin.start();
    try {
      const program = await Program.start({
        routes: [`* 127.0.0.1:${origin.port}`],
        settings: { ...settings, runner: { workers: 2, ...settings.runner } },
        args: form === "one process" ? ["--single-process"] : [],
        executable: Deno.env.get("PUSHPIN_TEST_EXECUTABLE"),
      });
      return new GripStand(form, program, origin);
    } catch (error) {
      await origin.close();
      throw error;
    }
  }

  /** Runs a scenario; what it opened is closed. */
  async play(scenario: Scenario): Promise<void> {
    await using scene = new Scene(this, `n${scenario.name.replace(/\W.*/, "")}`);
    await scenario.run(scene);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop();
    await this.origin.close();
  }
}

/** One scenario's part of a stand. */
export class Scene implements AsyncDisposable {
  readonly stand: GripStand;
  /** Begins its paths and channels. */
  readonly name: string;
  /** How many clients do the same: enough that both proxies of several have some. */
  readonly copies: number;
  readonly #clients: RawClient[] = [];

  constructor(stand: GripStand, name: string) {
    this.stand = stand;
    this.name = name;
    this.copies = stand.form === "one process" ? 1 : 8;
  }

  /** A channel that nobody else uses. */
  channel(name = "c"): string {
    return `${this.name}.${name}`;
  }

  /** Subscribed to last by every hold: who listens to it listens to the others. */
  get probe(): string {
    return this.channel("probe");
  }

  /** A path that nobody else uses; no name may begin with another's. */
  path(name: string): string {
    return `/${this.name}/${name}`;
  }

  /** The fields of a hold: `channels` are elements of Grip-Channel, made with `channel()`. */
  hold(mode: "response" | "stream", channels: readonly string[], more: readonly RawHeader[] = []) {
    return [
      ["Grip-Hold", mode],
      ["Grip-Channel", [...channels, this.probe].join(", ")],
      ...more,
    ] as const;
  }

  answer(name: string, respond: OriginAnswer, options?: { readonly times?: number }): void {
    this.stand.origin.on(this.path(name), respond, options);
  }

  /** What came to the origin on one of the paths, oldest first. */
  requests(name: string): readonly RecordedRequest[] {
    return this.stand.origin.requests.filter(({ target }) => target.startsWith(this.path(name)));
  }

  /** Waits for so many requests on one of the paths. */
  async requested(name: string, count: number, deadlineMs?: number): Promise<readonly RecordedRequest[]> {
    await eventually(() => this.requests(name).length >= count, {
      what: `${count} requests on ${this.path(name)}`,
      deadlineMs,
    });
    return this.requests(name);
  }

  /** A client with a connection of its own. */
  async client(): Promise<RawClient> {
    const client = await RawClient.connect({ port: this.stand.program.port });
    this.#clients.push(client);
    return client;
  }

  /** `copies` clients that have sent a GET for the path. */
  async ask(name: string, copies = this.copies): Promise<readonly RawClient[]> {
    return await Promise.all(Array.from({ length: copies }, async () => {
      const client = await this.client();
      await client.request({ target: this.path(name) });
      return client;
    }));
  }

  /** Clients that have the head and the first body, up to `mark`, of a stream. */
  async openStreams(name: string, mark: string, copies = this.copies): Promise<readonly RawClient[]> {
    const clients = await this.ask(name, copies);
    for (const client of clients) {
      assertEquals((await client.readHead()).status, 200);
      await client.readChunksUntil(mark);
    }
    return clients;
  }

  /** Waits until so many holds listen, everywhere. */
  async held(count = this.copies): Promise<void> {
    const never = { "content-filters": ["never"] };
    const formats = { "http-response": { body: "", ...never }, "http-stream": { content: "", ...never } };
    let matched = -1;
    await eventually(async () => {
      [{ matched }] = await this.report({ channel: this.probe, formats }) as [ItemReport];
      return matched === count;
    }, { what: `${count} holds` }).catch((error) => {
      throw new Error(`${error.message}, there are ${matched}`, { cause: error });
    });
  }

  async publish(...items: readonly unknown[]): Promise<void> {
    await this.stand.program.publish(items);
  }

  async report(...items: readonly unknown[]): Promise<readonly ItemReport[]> {
    return await publishReport(this.stand.program.controlUrl, items);
  }

  /** An item for streams. */
  stream(content: string, more: Readonly<Record<string, unknown>> = {}) {
    return { channel: this.channel(), formats: { "http-stream": { content } }, ...more };
  }

  /** An item for long-polls. */
  response(body: string, more: Readonly<Record<string, unknown>> = {}) {
    return { channel: this.channel(), formats: { "http-response": { body } }, ...more };
  }

  /** How many proxies hold clients of this path, by the access lines: those come a little later than the answers. */
  async proxiesOf(name: string): Promise<number> {
    const ofPath = () => this.stand.program.lines.filter((line) => line.includes(`${this.path(name)} `));
    await eventually(() => ofPath().length >= this.copies, {
      what: `${this.copies} access lines of ${name}`,
    });
    const lines = ofPath();
    return new Set(lines.map((line) => /\[(proxy[^\]]*)\]/.exec(line)?.[1])).size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}
