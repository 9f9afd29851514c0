import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { PushpinError } from "../../../../src/errors.ts";
import { GripSigner } from "../../../../src/server/proxy/grip_sig.ts";
import {
  EC_PRIVATE_KEY,
  EC_PUBLIC_KEY,
  RSA_PRIVATE_KEY,
  RSA_PUBLIC_KEY,
} from "../../../helpers/certificates.ts";

const NOW = 1_800_000_000_000;
const part = (token: string, i: number) =>
  JSON.parse(atob(token.split(".")[i]!.replaceAll("-", "+").replaceAll("_", "/")));

Deno.test("GripSigner.sign() claims the issuer and an hour, and signs nothing without both", async () => {
  const signer = new GripSigner({ now: () => NOW });
  const token = await signer.sign("me", "changeme");
  assertEquals(part(token!, 0), { typ: "JWT", alg: "HS256" });
  assertEquals(part(token!, 1), { iss: "me", exp: NOW / 1000 + 3600 });
  assertEquals(signer.sign("", "changeme"), undefined);
  assertEquals(signer.sign("me", ""), undefined);
});

Deno.test("GripSigner.sign() makes one signature for a while, at once, and then the next", async () => {
  let now = NOW;
  const signer = new GripSigner({ now: () => now });
  const [first, same] = await Promise.all([signer.sign("me", "k"), signer.sign("me", "k")]);
  assertEquals(first, same);
  assertEquals(signer.sign("me", "k"), first);
  now += 20_000;
  const second = signer.sign("me", "k");
  assertEquals(second instanceof Promise, true);
  assertNotEquals(await second, first);
});

for (
  const [algorithm, secret, open] of [
    ["HS256", "changeme", "changeme"],
    ["HS256", "base64:Y2hhbmdlbWU=", "changeme"],
    ["ES256", EC_PRIVATE_KEY, EC_PUBLIC_KEY],
    ["RS256", RSA_PRIVATE_KEY, RSA_PUBLIC_KEY],
  ] as const
) {
  Deno.test(`GripSigner signs and verifies ${algorithm} with ${secret.slice(0, 20).trim()}`, async () => {
    const signer = new GripSigner();
    const token = await signer.sign("me", secret);
    assertEquals(part(token!, 0).alg, algorithm);
    assertEquals(await signer.verify(token!, open), true);
    assertEquals(await signer.verify(token!, open), true);
    assertEquals(await signer.verify(token!, "other"), false);
    assertEquals(await signer.verify("nonsense", open), false);
  });
}

Deno.test("GripSigner.verify() believes nothing whose time is over, known or not", async () => {
  let now = NOW;
  const signer = new GripSigner({ now: () => now });
  const token = (await signer.sign("me", "k"))!;
  assertEquals(await signer.verify(token, "k"), true);
  now += 3_601_000;
  assertEquals(await signer.verify(token, "k"), false);
  assertEquals(await new GripSigner({ now: () => now }).verify(token, "k"), false);
});

Deno.test("GripSigner reads file: keys as hex or PEM, from the directory it was given", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/hex`, "6368616e67656d65\n");
    await Deno.writeTextFile(`${dir}/pem`, EC_PRIVATE_KEY);
    await Deno.writeTextFile(`${dir}/odd`, "neither");
    const signer = new GripSigner({ keyDir: dir });
    assertEquals(await signer.verify((await signer.sign("me", "file:hex"))!, "changeme"), true);
    assertEquals(await signer.verify((await signer.sign("me", `file:${dir}/pem`))!, EC_PUBLIC_KEY), true);
    for (
      const [key, wording] of [["file:odd", "hexadecimal"], ["file:none", "none"], ["base64:", "no bytes"]]
    ) {
      const error = await assertRejects(() => signer.check(key!), PushpinError, wording);
      assertEquals(error.code, "PUSHPIN_KEY_INVALID");
    }
    await assertRejects(
      () => signer.check("-----BEGIN PRIVATE KEY-----\nx"),
      PushpinError,
      "Cannot use PEM key",
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
