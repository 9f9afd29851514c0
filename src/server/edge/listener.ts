/** Where clients come in: one Deno.serve for each address, and nothing that a handler does can end it. */
import { describeError, PushpinError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { ClientHandler } from "./client_request.ts";
import { readClientRequest } from "./served_request.ts";
import { type Served, StandingServer } from "./standing_server.ts";

export type ListenAddress =
  | {
    readonly kind: "tcp";
    readonly hostname: string;
    /** 0 lets the system choose. */
    readonly port: number;
    /** Several processes share the port (needs the runtime's `net` switch). */
    readonly reusePort?: boolean;
    /** PEM texts; HTTP/2 is offered with TLS. */
    readonly tls?: { readonly cert: string; readonly key: string };
  }
  | { readonly kind: "unix"; readonly path: string; /** File mode, e.g. 0o660. */ readonly mode?: number };

export interface ClientListener extends AsyncDisposable {
  /** What it listens on; the port is the real one. */
  readonly address: ListenAddress;
  /** Stops accepting, closes idle connections, waits for the answers under way (held streams too: end those). */
  shutdown(): Promise<void>;
  /** Cuts every connection at once. */
  abort(): void;
  /** Settles when the listener has ended, whoever ended it. */
  readonly finished: Promise<void>;
}

/**
 * Listens, and gives every request to the handler.
 *
 * @throws {PushpinError} `PUSHPIN_LISTEN_FAILED`, naming the address and what would do.
 */
export function listenClients(
  address: ListenAddress,
  options: { readonly handler: ClientHandler; readonly log: Log },
): ClientListener {
  const { handler, log } = options;
  const tls = address.kind === "tcp" && address.tls !== undefined;
  const fail = (error: unknown) => {
    log.error("Request failed", { error: describeError(error), code: 500, reason: "internal-error" });
    return serverError();
  };
  const serve = (request: Request, info: Deno.ServeHandlerInfo): Response | Promise<Response> => {
    try {
      const client = readClientRequest(request, info, tls);
      return client === undefined ? badRequest() : handler(client).catch(fail);
    } catch (error) {
      return fail(error);
    }
  };
  // Reached by response streams that fail after the head: the client sees a cut body, there is nothing to answer.
  const onError = (error: unknown) => {
    log.debug("Response stream failed", { error: describeError(error) });
    return serverError();
  };
  const open = (signal: AbortSignal, before: Deno.Addr | undefined): Served => {
    const common = { signal, onError, onListen: () => {} };
    if (address.kind === "unix") {
      removeStaleSocket(address.path);
      const served = Deno.serve({ ...common, path: address.path }, serve);
      if (address.mode !== undefined) Deno.chmodSync(address.path, address.mode);
      return served;
    }
    const port = before === undefined ? address.port : (before as Deno.NetAddr).port;
    const { hostname, reusePort, tls } = address;
    return Deno.serve({ ...common, hostname, port, reusePort, ...tls }, serve);
  };
  try {
    const server = new StandingServer({ open, log, where: whereOf(address) });
    const real = address.kind === "unix" ? address : { ...address, port: (server.addr as Deno.NetAddr).port };
    return {
      address: real,
      finished: server.finished,
      shutdown: () => server.shutdown(),
      abort: () => server.abort(),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  } catch (error) {
    throw new PushpinError("PUSHPIN_LISTEN_FAILED", listenFailure(address, error), { cause: error });
  }
}

/** A process that was killed leaves its socket's file behind, and nobody can listen on it again until it is gone. */
function removeStaleSocket(path: string): void {
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function whereOf(address: ListenAddress): string {
  return address.kind === "unix" ? address.path : `${address.hostname}:${address.port}`;
}

function listenFailure(address: ListenAddress, error: unknown): string {
  const where = whereOf(address);
  if (error instanceof Deno.errors.AddrInUse) {
    return address.kind === "unix"
      ? `Cannot listen on "${where}": a file is there that is no socket: remove it or choose another path`
      : `Cannot listen on ${where}: address in use: set http_port or stop the other process`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `Cannot listen on ${where}: permission denied: use a port above 1023 or grant the right to bind it`;
  }
  return `Cannot listen on ${where}: ${describeError(error)}`;
}

const encoder = new TextEncoder();
const PLAIN: [string, string][] = [["content-type", "text/plain"]];

function badRequest(): Response {
  const text = "Failed to parse request: invalid Host or target\n";
  return new Response(encoder.encode(text), { status: 400, headers: PLAIN });
}

function serverError(): Response {
  return new Response(encoder.encode("Failed to process request.\n"), { status: 500, headers: PLAIN });
}
