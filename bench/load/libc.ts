/**
 * The kernel's sockets without a runtime in between: libc by FFI, and nothing else of it than sockets and epoll.
 *
 * Parameters are only those that V8's fast calls take, so that a call costs some 10 ns beside its system call: lengths
 * are u32 though C says size_t (usize costs 110 ns more).
 *
 * Between a call and the reading of errno the runtime may make calls of its own (seen: ENOENT where connect() had said
 * EINPROGRESS). So errno is only for the words of an error. What a socket's owner does next never depends on it:
 * receive() and send() below 0 mean "nothing now", and epoll, being level-triggered, says whether that is for ever.
 */

const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/** The numbers are those of Linux on x86-64 and aarch64; both write the low byte first. */
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_MOD = 3;
const SOCKADDR_BYTES = 16;
/** A wait is interrupted now and then, never so often in a row. */
const MAX_INTERRUPTS = 1000;

/** Bits of what epoll is asked for and of what it says; GONE (EPOLLERR, EPOLLHUP) comes unasked. */
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const GONE = 0x8 | 0x10;

export const ECONNREFUSED = 111;
const EMFILE = 24;
const ENFILE = 23;
/** What an errno says, and what would do. */
const ERRNO: Readonly<Record<number, string>> = {
  13: "EACCES, permission denied",
  [ENFILE]: "ENFILE, the machine has no descriptor left: raise fs.file-max",
  [EMFILE]: "EMFILE, the process has no descriptor left: raise the limit (ulimit -n)",
  32: "EPIPE, the peer has closed",
  98: "EADDRINUSE, the port is taken",
  99: "EADDRNOTAVAIL, no local port is left: wait until closed connections are forgotten",
  104: "ECONNRESET, the peer has reset the connection",
  110: "ETIMEDOUT, the peer does not answer",
  [ECONNREFUSED]: "ECONNREFUSED, nobody listens there",
};

/** What went wrong, for people: `Cannot publish to port 80: ECONNREFUSED, nobody listens there`. */
export function systemError(tried: string, number: number): Error {
  return new Error(`Cannot ${tried}: ${ERRNO[number] ?? `errno ${number}`}`);
}

const libc = openLibc();
/** errno is the thread's, and this thread stays: its address is asked for once. */
const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(libc.__errno_location()!, 4));
const word = new Int32Array(1);
const wordLength = new Uint32Array(1);
const on = new Int32Array([1]);

/** A socket on its way to 127.0.0.1: writable when it is there, GONE when it failed (see connectError). */
export function connect(port: number): number {
  const fd = checked("open a socket", tcpSocket());
  libc.connect(fd, loopback(port), SOCKADDR_BYTES);
  return fd;
}

/**
 * How the connecting ended, when epoll has said something.
 *
 * @param mask What it said.
 * @returns undefined where the connection is there; else the errno, 0 where nobody knows it any more.
 */
export function connectError(fd: number, mask: number): number | undefined {
  if ((mask & GONE) === 0) return undefined;
  wordLength[0] = 4;
  libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, word, wordLength);
  return word[0];
}

/** A socket that listens on 127.0.0.1. */
export function listen(port: number, backlog: number): number {
  const fd = checked("open a socket", tcpSocket());
  libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, on, 4);
  checked(`listen on port ${port}`, libc.bind(fd, loopback(port), SOCKADDR_BYTES));
  checked(`listen on port ${port}`, libc.listen(fd, backlog));
  return fd;
}

/** The next client; below 0 where there is none now. @throws {Error} where descriptors have run out. */
export function accept(fd: number): number {
  const client = libc.accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client < 0 && (errno[0] === EMFILE || errno[0] === ENFILE)) checked("accept a client", client);
  return client;
}

/** Small writes go out at once. */
export function setNoDelay(fd: number): void {
  libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, on, 4);
}

/** Into the beginning of `into`; 0 when the peer has closed, below 0 where there is nothing now. */
export function receive(fd: number, into: Uint8Array): number {
  return libc.recv(fd, into, into.length, 0);
}

/** How many bytes the kernel took; below 0 where it takes none now. */
export function send(fd: number, bytes: Uint8Array): number {
  return libc.send(fd, bytes, bytes.length, MSG_NOSIGNAL);
}

export function close(fd: number): void {
  libc.close(fd);
}

/**
 * struct epoll_event: the mask, then 64 bits of ours. Packed on x86-64 (12 bytes, ours at 4), aligned elsewhere (16, at
 * 8). Ours are two words: who is told, and a number that it chose.
 */
const EVENT_WORDS = Deno.build.arch === "x86_64" ? 3 : 4;
const OWN_WORD = EVENT_WORDS - 2;

/** What epoll watches, level-triggered. */
export class Epoll {
  readonly #fd: number;
  readonly #ready: Int32Array;
  readonly #most: number;
  #interrupts = 0;
  readonly #one = new Int32Array(EVENT_WORDS);

  /** @param most Events of one wait. */
  constructor(most: number) {
    this.#fd = checked("create an epoll", libc.epoll_create1(EPOLL_CLOEXEC));
    this.#ready = new Int32Array(EVENT_WORDS * most);
    this.#most = most;
  }

  /** A closed descriptor is forgotten by itself. */
  add(fd: number, mask: number, owner: number, index: number): void {
    this.#control(EPOLL_CTL_ADD, fd, mask, owner, index);
  }

  change(fd: number, mask: number, owner: number, index: number): void {
    this.#control(EPOLL_CTL_MOD, fd, mask, owner, index);
  }

  /** @param timeoutMs -1 for as long as it takes. @returns how many are ready; none when a signal came. */
  wait(timeoutMs: number): number {
    const count = libc.epoll_wait(this.#fd, this.#ready, this.#most, timeoutMs);
    if (count >= 0) return this.#interrupts = 0, count;
    if (++this.#interrupts > MAX_INTERRUPTS) checked("wait for sockets", count);
    return 0;
  }

  mask(event: number): number {
    return this.#ready[event * EVENT_WORDS]!;
  }

  owner(event: number): number {
    return this.#ready[event * EVENT_WORDS + OWN_WORD]!;
  }

  index(event: number): number {
    return this.#ready[event * EVENT_WORDS + OWN_WORD + 1]!;
  }

  #control(operation: number, fd: number, mask: number, owner: number, index: number): void {
    const event = this.#one;
    event[0] = mask;
    event[OWN_WORD] = owner;
    event[OWN_WORD + 1] = index;
    checked("watch a socket", libc.epoll_ctl(this.#fd, operation, fd, event));
  }
}

/** @throws {Error} where the result is below 0. */
function checked(tried: string, result: number): number {
  if (result < 0) throw systemError(tried, errno[0]!);
  return result;
}

function tcpSocket(): number {
  return libc.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/** struct sockaddr_in: family in the machine's order, port in the network's, four bytes of address, eight of nothing. */
function loopback(port: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([AF_INET, 0, port >> 8, port & 0xff, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

function openLibc() {
  const symbols = {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    listen: { parameters: ["i32", "i32"], result: "i32" },
    accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
    getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
    recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
    send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    epoll_create1: { parameters: ["i32"], result: "i32" },
    epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
    epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
    __errno_location: { parameters: [], result: "pointer" },
  } as const;
  const failures: string[] = [];
  for (const name of LIBRARIES) {
    try {
      return Deno.dlopen(name, symbols).symbols;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(`Cannot open libc: the load generator needs Linux with glibc: ${failures.join("; ")}`);
}
