/** One kept connection that publishes, one request at a time. */
import net from "node:net";

export class Publisher {
  readonly #port: number;
  #socket: net.Socket;
  #text = "";
  #answered: ((status: number) => void) | undefined;

  private constructor(port: number, socket: net.Socket) {
    this.#port = port;
    this.#socket = socket;
    this.#listen();
  }

  static async connect(port: number): Promise<Publisher> {
    return new Publisher(port, await connect(port));
  }

  /** On a new connection where the peer closed the last one. @returns the status; 0 where there was no answer. */
  async send(request: Uint8Array): Promise<number> {
    if (this.#socket.destroyed || !this.#socket.writable) {
      this.#socket = await connect(this.#port);
      this.#listen();
    }
    return await new Promise((resolve) => {
      this.#answered = resolve;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("data", (bytes: Uint8Array) => this.#read(bytes));
    socket.on("error", () => {
      // The close that follows settles what waits.
    });
    socket.on("close", () => {
      if (socket === this.#socket) this.#answer(0);
    });
  }

  #read(bytes: Uint8Array): void {
    for (const byte of bytes) this.#text += String.fromCharCode(byte);
    const head = this.#text.indexOf("\r\n\r\n");
    if (head < 0) return;
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#text.slice(0, head + 2))?.[1];
    const complete = length === undefined
      ? this.#text.endsWith("0\r\n\r\n")
      : this.#text.length >= head + 4 + Number(length);
    if (!complete) return;
    const status = Number(this.#text.slice(9, 12));
    // Told before it is done, so that the next request does not run into the end of this connection.
    if (/\r\nconnection: *close/i.test(this.#text.slice(0, head + 2))) this.#socket.destroy();
    this.#text = "";
    this.#answer(status);
  }

  #answer(status: number): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(status);
  }
}

function connect(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}
