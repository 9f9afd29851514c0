/**
 * The greeting on a fresh socket, before any message: which version, which role, and, where a secret is set, the proof
 * of knowing it. The proxy proves first, so that a stranger who merely connects gets nothing to guess the secret from.
 * The secret guards who may connect; it does not encrypt: a link between machines belongs on a private network.
 */
import { PushpinError } from "../../errors.ts";
import { encodeFrame, FrameDecoder, type FrameKind, type Json, type LinkFrame } from "../wire/link_frames.ts";
import { LINK_VERSION } from "./messages.ts";

export type LinkRole = "proxy" | "handler";

export interface Greeting {
  readonly role: LinkRole;
  /** How the other side's log names this one, e.g. "proxy 1 of host". */
  readonly name: string;
  readonly secret: string | undefined;
  /** Another than `LINK_VERSION` in tests of the refusal. */
  readonly version?: number;
}

/** The other side will not have us, or we will not have it; both have been told why. */
export class LinkRefusal extends PushpinError {
  readonly why: "version" | "refused";

  constructor(why: "version" | "refused", message: string) {
    super("PUSHPIN_LINK_FAILED", message);
    this.why = why;
  }
}

/** Strangers get no more than this before they have shown who they are. */
const MAX_GREETING_BYTES = 16 * 1024;

/** Frames off a socket, one at a time while greeting, all that have come later on. */
export class FrameReader {
  readonly decoder = new FrameDecoder(MAX_GREETING_BYTES);
  readonly #conn: Deno.Conn;
  readonly #chunk = new Uint8Array(64 * 1024);
  #ready: LinkFrame[] = [];

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Every frame that the next read completes (maybe none), or undefined at the end of the stream. */
  async readMany(): Promise<readonly LinkFrame[] | undefined> {
    if (this.#ready.length > 0) {
      const ready = this.#ready;
      this.#ready = [];
      return ready;
    }
    const count = await this.#conn.read(this.#chunk);
    return count === null ? undefined : this.decoder.push(this.#chunk.subarray(0, count));
  }

  async readOne(): Promise<LinkFrame> {
    while (this.#ready.length === 0) {
      const frames = await this.readMany();
      if (frames === undefined) {
        throw new PushpinError("PUSHPIN_LINK_FAILED", "Cannot greet over the link: the other side closed it");
      }
      this.#ready.push(...frames);
    }
    return this.#ready.shift()!;
  }
}

/**
 * Greets and is greeted; afterwards frames of any size may come.
 * @returns the other side's name.
 * @throws {LinkRefusal} where the two do not fit. @throws {PushpinError} where it does not speak as a link does.
 */
export async function greet(conn: Deno.Conn, reader: FrameReader, greeting: Greeting): Promise<string> {
  const own = {
    link: greeting.version ?? LINK_VERSION,
    role: greeting.role,
    name: greeting.name,
    nonce: crypto.getRandomValues(new Uint8Array(32)).toHex(),
    secret: greeting.secret !== undefined,
  };
  await writeFrame(conn, "hello", own);
  const peer = readHello(await reader.readOne());
  const problem = mismatch(own, peer);
  if (problem !== undefined) {
    // Best effort: the other side finds the same from our hello, but an older one may only know this frame.
    await writeFrame(conn, "refuse", { why: problem.why, message: problem.message }).catch(() => {});
    throw problem;
  }
  if (greeting.secret !== undefined) {
    const key = await secretKey(greeting.secret);
    const prove = async () => {
      const mac = await crypto.subtle.sign("HMAC", key, proofText(own.role, own.nonce, peer.nonce));
      await writeFrame(conn, "proof", { mac: new Uint8Array(mac).toHex() });
    };
    const check = async () => {
      const given = readProof(await reader.readOne());
      // `verify` compares in constant time.
      if (await crypto.subtle.verify("HMAC", key, given, proofText(peer.role, peer.nonce, own.nonce))) return;
      const refusal = new LinkRefusal(
        "refused",
        "Cannot join link: the secrets differ: set the same link_secret on both",
      );
      await writeFrame(conn, "refuse", { why: refusal.why, message: refusal.message }).catch(() => {});
      throw refusal;
    };
    if (greeting.role === "proxy") {
      await prove();
      await check();
    } else {
      await check();
      await prove();
    }
  }
  reader.decoder.allowLongFrames();
  return peer.name;
}

/** What a "refuse" frame says, for whoever reads one. */
export function readRefusal(frame: LinkFrame): LinkRefusal {
  const { why, message } = fields(frame.head);
  return new LinkRefusal(
    why === "version" ? "version" : "refused",
    typeof message === "string" ? message.slice(0, 300) : "Cannot join link: the other side refused",
  );
}

interface Hello {
  readonly link: number;
  readonly role: LinkRole;
  readonly name: string;
  readonly nonce: string;
  readonly secret: boolean;
}

function readHello(frame: LinkFrame): Hello {
  if (frame.kind === "refuse") throw readRefusal(frame);
  const { link, role, name, nonce, secret } = fields(frame.head);
  if (
    frame.kind !== "hello" || typeof link !== "number" || (role !== "proxy" && role !== "handler") ||
    typeof name !== "string" || typeof nonce !== "string" || nonce.length < 32 || typeof secret !== "boolean"
  ) {
    throw new PushpinError(
      "PUSHPIN_WIRE_INVALID",
      "Cannot greet over the link: the other side did not say hello",
    );
  }
  return { link, role, name: name.slice(0, 100), nonce, secret };
}

function readProof(frame: LinkFrame): Uint8Array<ArrayBuffer> {
  if (frame.kind === "refuse") throw readRefusal(frame);
  const { mac } = fields(frame.head);
  if (frame.kind !== "proof" || typeof mac !== "string" || !/^[0-9a-f]{64}$/.test(mac)) {
    throw new PushpinError(
      "PUSHPIN_WIRE_INVALID",
      "Cannot greet over the link: the other side gave no proof",
    );
  }
  return Uint8Array.fromHex(mac);
}

function mismatch(own: Hello, peer: Hello): LinkRefusal | undefined {
  if (own.link !== peer.link) {
    return new LinkRefusal(
      "version",
      `Cannot join link: this ${own.role} speaks version ${own.link}, the ${peer.role} version ${peer.link}: ` +
        `run the same release of both`,
    );
  }
  if (own.role === peer.role) {
    return new LinkRefusal("refused", `Cannot join link: both sides are a ${own.role}: check link_spec`);
  }
  if (own.secret !== peer.secret) {
    const [has, lacks] = own.secret ? [own.role, peer.role] : [peer.role, own.role];
    return new LinkRefusal(
      "refused",
      `Cannot join link: the ${has} has a link_secret, the ${lacks} has none: set the same on both`,
    );
  }
  return undefined;
}

function fields(head: Json): Readonly<Record<string, Json | undefined>> {
  return typeof head === "object" && head !== null && !Array.isArray(head)
    ? head as Readonly<Record<string, Json>>
    : {};
}

function secretKey(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

/** Role and both nonces: no proof can be sent back to its maker or used a second time. */
function proofText(role: LinkRole, ownNonce: string, peerNonce: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`pushpin link ${role} ${ownNonce} ${peerNonce}`);
}

async function writeFrame(conn: Deno.Conn, kind: FrameKind, head: Json): Promise<void> {
  await writeAll(conn, encodeFrame(kind, head));
}

/** Writes all of it, however many writes that takes. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
