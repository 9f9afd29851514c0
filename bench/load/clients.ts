/**
 * Thousands of raw sockets that hold and count. Every message ends with MARK, which stands nowhere else, so counting
 * deliveries is counting one byte; nothing is parsed after the head.
 */
import net from "node:net";
import type { Buffer } from "node:buffer";
import { type Dialect, type HoldKind, holdRequest, MARK } from "./dialect.ts";

const MARK_BYTE = MARK.charCodeAt(0);
const READ_BYTES = 8192;
const indexOf = Uint8Array.prototype.indexOf;

interface Client {
  socket: net.Socket;
  readonly request: string;
  /** Deliveries since the last reset. */
  count: number;
  open: boolean;
}

interface Opening {
  readonly port: number;
  readonly dialect: Dialect;
  readonly kind: HoldKind;
  readonly channelOf: (index: number) => string;
  readonly count: number;
  readonly window: number;
}

export class Clients {
  readonly #clients: Client[] = [];
  #delivered = 0;
  #failed = 0;
  #wanted = Infinity;
  #reached: (() => void) | undefined;
  #opening: Opening | undefined;

  get delivered(): number {
    return this.#delivered;
  }

  get failed(): number {
    return this.#failed;
  }

  get size(): number {
    return this.#clients.length;
  }

  /** Opens so many more; done when each has its head (streams) or has asked (long-polls), or has failed. */
  async open(opening: Opening): Promise<number> {
    this.#opening = opening;
    const before = this.#failed;
    const first = this.#clients.length;
    let next = 0;
    const lane = async () => {
      while (next < opening.count) {
        const index = first + next++;
        await this.#connect(index, holdRequest(opening.dialect, opening.kind, opening.channelOf(index)));
      }
    };
    await Promise.all(Array.from({ length: Math.min(opening.window, opening.count) }, lane));
    return opening.count - (this.#failed - before);
  }

  /** Each that was answered since the last reset asks again. @returns how many. */
  async again(): Promise<number> {
    const broken: Promise<void>[] = [];
    let asking = 0;
    for (const [i, client] of this.#clients.entries()) {
      if (client.count === 0) continue;
      asking++;
      if (client.socket.destroyed || !client.socket.writable) broken.push(this.#connect(i, client.request));
      else client.socket.write(client.request);
    }
    await Promise.all(broken);
    return asking;
  }

  reset(): void {
    this.#delivered = 0;
    for (const client of this.#clients) client.count = 0;
  }

  /** True when so many deliveries have come; false when none came for `patienceMs`. */
  async wait(wanted: number, patienceMs: number): Promise<boolean> {
    if (this.#delivered >= wanted) return true;
    this.#wanted = wanted;
    let seen = this.#delivered;
    let timer: ReturnType<typeof setInterval> | undefined;
    const came = await new Promise<boolean>((resolve) => {
      this.#reached = () => resolve(true);
      timer = setInterval(() => {
        if (this.#delivered === seen) resolve(false);
        seen = this.#delivered;
      }, patienceMs);
    });
    clearInterval(timer);
    this.#reached = undefined;
    this.#wanted = Infinity;
    return came;
  }

  /** Fewest and most deliveries of one client. */
  spread(): readonly [fewest: number, most: number] {
    let fewest = Infinity;
    let most = 0;
    for (const { count } of this.#clients) {
      fewest = Math.min(fewest, count);
      most = Math.max(most, count);
    }
    return [fewest === Infinity ? 0 : fewest, most];
  }

  async close(): Promise<void> {
    const closing = this.#clients.map(({ socket }) =>
      socket.destroyed ? Promise.resolve() : new Promise<void>((resolve) => {
        socket.once("close", () => resolve());
        socket.destroy();
      })
    );
    this.#clients.length = 0;
    await Promise.all(closing);
  }

  #connect(index: number, request: string): Promise<void> {
    const { port, kind } = this.#opening!;
    return new Promise((resolve) => {
      const socket: net.Socket = net.connect({
        port,
        host: "127.0.0.1",
        onread: {
          buffer: new Uint8Array(READ_BYTES),
          callback: (read: number, bytes: Uint8Array | Buffer) => {
            if (!client.open) this.#head(client, bytes, read, resolve);
            this.#count(client, bytes, read);
            return true;
          },
        },
      } as net.NetConnectOpts);
      const client: Client = {
        socket,
        request,
        count: this.#clients[index]?.count ?? 0,
        open: kind === "poll",
      };
      this.#clients[index] = client;
      socket.on("connect", () => {
        socket.write(request);
        if (kind === "poll") resolve();
      });
      socket.on("error", () => {
        // The close that follows says all there is to say.
      });
      socket.on("close", () => {
        if (!client.open) this.#failed++;
        resolve();
      });
    });
  }

  #head(client: Client, bytes: Uint8Array, read: number, opened: () => void): void {
    // "HTTP/1.1 200": the status is at 9. All heads here come in one piece.
    if (read > 12 && bytes[9] === 50 && bytes[10] === 48) client.open = true;
    else client.socket.destroy();
    opened();
  }

  #count(client: Client, bytes: Uint8Array, read: number): void {
    let marks = 0;
    if (read < 256) {
      for (let i = 0; i < read; i++) if (bytes[i] === MARK_BYTE) marks++;
    } else {
      // A mark behind the data stops the native search there; what lies behind it is of the read before.
      const whole = read === bytes.length;
      if (!whole) bytes[read] = MARK_BYTE;
      for (
        let at = indexOf.call(bytes, MARK_BYTE);
        at >= 0 && at < read;
        at = indexOf.call(bytes, MARK_BYTE, at + 1)
      ) {
        marks++;
      }
    }
    client.count += marks;
    this.#delivered += marks;
    if (this.#delivered >= this.#wanted) this.#reached?.();
  }
}
