/** Which addresses an `untrusted` target may have (spec 1.8): none of this machine and none of a private network. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { describeError } from "../../errors.ts";
import { OriginFailure } from "./origin_failure.ts";

/** True for loopback, private, link-local and unspecified addresses; true as well for what is no address. */
export function isPrivateAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return isPrivateV4(address.split(".").map(Number));
    case 6:
      return isPrivateV6(address.toLowerCase());
    default:
      return true;
  }
}

function isPrivateV4([a = 0, b = 0]: readonly number[]): boolean {
  return a === 0 || a === 10 || a === 127 || (a === 169 && b === 254) || (a === 172 && (b & 0xf0) === 16) ||
    (a === 192 && b === 168) || (a === 100 && (b & 0xc0) === 64);
}

function isPrivateV6(address: string): boolean {
  // URL writes every form the same way: groups without leading zeros, an embedded IPv4 address as two groups.
  const canonical = URL.parse(`http://[${address.split("%")[0]}]`)?.hostname.slice(1, -1);
  if (canonical === undefined || canonical === "::" || canonical === "::1") return true;
  const mapped = /^::(?:ffff:)?([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped !== null) {
    const [high, low] = [parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16)];
    return isPrivateV4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
  }
  return /^f[cd]|^fe[89ab]/.test(canonical);
}

/**
 * The address to connect to for an untrusted target: found once and used as it is, so that a second answer of the name
 * service cannot lead elsewhere.
 *
 * @throws {OriginFailure} `dns`, or `policy` where no address is a public one.
 */
export async function publicAddress(hostname: string): Promise<string> {
  const addresses = isIP(hostname) !== 0 ? [hostname] : await resolve(hostname);
  const allowed = addresses.find((address) => !isPrivateAddress(address));
  if (allowed === undefined) {
    throw new OriginFailure(
      "policy",
      `Cannot connect to untrusted target "${hostname}": ${
        addresses.join(", ")
      } is private: remove untrusted`,
      { beforeSending: false },
    );
  }
  return allowed;
}

async function resolve(hostname: string): Promise<readonly string[]> {
  try {
    return (await lookup(hostname, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new OriginFailure("dns", `Cannot resolve "${hostname}": ${describeError(cause)}`, {
      beforeSending: true,
      cause,
    });
  }
}
