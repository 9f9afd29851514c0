/** Grip-Sig: the JWT by which an origin knows us, and we another proxy (spec 1.5). */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { isAbsolute, join } from "node:path";
import { importPKCS8, importSPKI, jwtVerify, SignJWT } from "jose";
import { describeError, PushpinError } from "../../errors.ts";
import { decodeBase64Leniently } from "../../grip/base64.ts";
import { utf8 } from "../../grip/text.ts";

/** Spec 1.5: what a signature is good for. */
export const SIGNATURE_SECONDS = 3600;
/** A signature is used this long before the next is made: signing costs 30 µs with a secret, 1 ms with RSA. */
const RENEW_MS = 20_000;
/** Other proxies' signatures that were found good; each is checked once in its life. */
const MAX_VERIFIED = 1000;

type Algorithm = "HS256" | "ES256" | "RS256";

interface Key {
  readonly algorithm: Algorithm;
  readonly key: CryptoKey | Uint8Array;
}

export interface GripSigOptions {
  /** Where relative `file:` keys are looked for; the working directory where absent. */
  readonly keyDir?: string;
  /** The time in ms since 1970; for tests. */
  readonly now?: () => number;
}

interface Signature {
  readonly token: string;
  readonly renewAt: number;
}

/** Signs for routes and checks what upstream proxies signed. Keys are read once, signatures kept for a while. */
export class GripSigner {
  readonly #options: GripSigOptions;
  readonly #now: () => number;
  readonly #signKeys = new Map<string, Promise<Key>>();
  readonly #verifyKeys = new Map<string, Promise<Key>>();
  readonly #signatures = new Map<string, Signature>();
  readonly #signing = new Map<string, Promise<string>>();
  /** Token to its `exp` in seconds. */
  readonly #verified = new Map<string, number>();

  constructor(options: GripSigOptions = {}) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * The field's value, at once where a fresh one is there. Undefined where issuer or key is empty: nothing is signed.
   *
   * @throws {PushpinError} `PUSHPIN_KEY_INVALID`, in the promise.
   */
  sign(issuer: string, keyText: string): string | undefined | Promise<string> {
    if (issuer === "" || keyText === "") return undefined;
    const id = `${issuer}\n${keyText}`;
    const kept = this.#signatures.get(id);
    if (kept !== undefined && this.#now() < kept.renewAt) return kept.token;
    let signing = this.#signing.get(id);
    if (signing === undefined) {
      signing = this.#sign(id, issuer, keyText).finally(() => this.#signing.delete(id));
      this.#signing.set(id, signing);
    }
    return signing;
  }

  /**
   * True where a Grip-Sig was made with this key and its time is not over; the issuer is not looked at.
   *
   * @throws {PushpinError} `PUSHPIN_KEY_INVALID` where the key itself cannot be used.
   */
  async verify(token: string, keyText: string): Promise<boolean> {
    if (keyText === "") return false;
    const id = `${keyText}\n${token}`;
    const known = this.#verified.get(id);
    if (known !== undefined) return known * 1000 > this.#now();
    const { key, algorithm } = await this.#key(this.#verifyKeys, keyText, "verify");
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [algorithm],
        requiredClaims: ["exp"],
        currentDate: new Date(this.#now()),
      });
      const expires = payload.exp ?? 0;
      if (this.#verified.size >= MAX_VERIFIED) this.#verified.clear();
      this.#verified.set(id, expires);
      return expires > 0;
    } catch {
      return false; // forged, expired or no JWT at all: an ordinary client
    }
  }

  /** Reads a key so that a bad one is known before a request needs it. @throws {PushpinError} `PUSHPIN_KEY_INVALID` */
  async check(keyText: string, use: "sign" | "verify" = "sign"): Promise<void> {
    if (keyText !== "") await this.#key(use === "sign" ? this.#signKeys : this.#verifyKeys, keyText, use);
  }

  async #sign(id: string, issuer: string, keyText: string): Promise<string> {
    const { key, algorithm } = await this.#key(this.#signKeys, keyText, "sign");
    const now = this.#now();
    const token = await new SignJWT()
      .setProtectedHeader({ typ: "JWT", alg: algorithm })
      .setIssuer(issuer)
      .setExpirationTime(Math.floor(now / 1000) + SIGNATURE_SECONDS)
      .sign(key);
    this.#signatures.set(id, { token, renewAt: now + RENEW_MS });
    return token;
  }

  #key(cache: Map<string, Promise<Key>>, keyText: string, use: "sign" | "verify"): Promise<Key> {
    let key = cache.get(keyText);
    if (key === undefined) {
      key = this.#readKey(keyText, use);
      cache.set(keyText, key);
      // A key file may be mended while we run: only good keys are kept.
      key.catch(() => cache.delete(keyText));
    }
    return key;
  }

  async #readKey(keyText: string, use: "sign" | "verify"): Promise<Key> {
    if (keyText.startsWith("base64:")) {
      const secret = decodeBase64Leniently(keyText.slice("base64:".length));
      if (secret.length === 0) {
        throw invalidKey("base64: key", "no bytes in it: give base64 text after the colon");
      }
      return { algorithm: "HS256", key: secret };
    }
    if (keyText.startsWith("-----BEGIN")) return await importPem(keyText, use, "PEM key");
    if (!keyText.startsWith("file:")) return { algorithm: "HS256", key: utf8(keyText) };
    const path = keyText.slice("file:".length);
    const shown = `key file "${path}"`;
    let content: string;
    try {
      const { keyDir } = this.#options;
      content =
        (await Deno.readTextFile(isAbsolute(path) || keyDir === undefined ? path : join(keyDir, path)))
          .trim();
    } catch (cause) {
      throw invalidKey(shown, describeError(cause), cause);
    }
    if (content.startsWith("-----BEGIN")) return await importPem(content, use, shown);
    if (!/^(?:[0-9a-f]{2})+$/i.test(content)) {
      throw invalidKey(shown, "neither PEM nor hexadecimal digits: write the secret in hex");
    }
    return { algorithm: "HS256", key: hexBytes(content) };
  }
}

async function importPem(pem: string, use: "sign" | "verify", shown: string): Promise<Key> {
  try {
    // Through node:crypto, as the Web's import takes neither SEC1 ("EC PRIVATE KEY") nor PKCS#1 ("RSA PRIVATE KEY").
    const object = use === "sign" ? createPrivateKey(pem) : createPublicKey(pem);
    const algorithm = algorithmOf(object, shown);
    const key = use === "sign"
      ? await importPKCS8(String(object.export({ type: "pkcs8", format: "pem" })), algorithm)
      : await importSPKI(String(object.export({ type: "spki", format: "pem" })), algorithm);
    return { algorithm, key };
  } catch (cause) {
    if (cause instanceof PushpinError) throw cause;
    throw invalidKey(shown, describeError(cause), cause);
  }
}

function algorithmOf(object: KeyObject, shown: string): Algorithm {
  switch (object.asymmetricKeyType) {
    case "ec":
      return "ES256";
    case "rsa":
      return "RS256";
    default:
      throw invalidKey(shown, `${object.asymmetricKeyType} key: use an EC (P-256) or RSA key`);
  }
}

function hexBytes(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function invalidKey(shown: string, why: string, cause?: unknown): PushpinError {
  return new PushpinError("PUSHPIN_KEY_INVALID", `Cannot use ${shown}: ${why}`, { cause });
}
