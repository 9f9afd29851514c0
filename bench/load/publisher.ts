/** One kept connection that publishes, one request at a time. */
import net from "node:net";

const latin1 = new TextDecoder("latin1");

export class Publisher {
  readonly #port: number;
  #socket: net.Socket;
  #text = "";
  /** Length of an answer that came whole and kept the connection. */
  #usualLength = 0;
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
    // Nearly all answers are the one before again: then a length and a status say all.
    if (this.#text === "" && bytes.length === this.#usualLength) return this.#answer(statusOf(bytes));
    this.#text += latin1.decode(bytes);
    const head = this.#text.indexOf("\r\n\r\n");
    if (head < 0) return;
    const fields = this.#text.slice(0, head + 2);
    const length = /\r\ncontent-length: *(\d+)/i.exec(fields)?.[1];
    const complete = length === undefined
      ? this.#text.endsWith("0\r\n\r\n")
      : this.#text.length >= head + 4 + Number(length);
    if (!complete) return;
    // Told before it is done, so that the next request does not run into the end of this connection.
    if (/\r\nconnection: *close/i.test(fields)) this.#socket.destroy();
    else if (length !== undefined && bytes.length === this.#text.length) this.#usualLength = bytes.length;
    const status = Number(fields.slice(9, 12));
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

/** The three digits behind "HTTP/1.1 ". */
function statusOf(bytes: Uint8Array): number {
  return (bytes[9]! - 48) * 100 + (bytes[10]! - 48) * 10 + bytes[11]! - 48;
}
