import { assertEquals, assertRejects } from "@std/assert";
import { isPrivateAddress, publicAddress } from "../../../../src/server/origin/address_policy.ts";
import { OriginFailure } from "../../../../src/server/origin/origin_failure.ts";

Deno.test("isPrivateAddress() knows the ranges that untrusted targets may not have", () => {
  const own = [
    "127.0.0.1",
    "127.9.9.9",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "0.0.0.0",
    "100.64.0.1",
    "::1",
    "::",
    "fc00::1",
    "fdff::1",
    "fe80::1",
    "febf::1",
    "fe80::1%eth0",
    "::ffff:127.0.0.1",
    "::ffff:a00:1",
    "::7f00:1",
    "0:0:0:0:0:ffff:c0a8:0101",
    "no address",
  ];
  for (const address of own) assertEquals(isPrivateAddress(address), true, address);
  const open = [
    "8.8.8.8",
    "172.32.0.1",
    "172.15.0.1",
    "192.169.1.1",
    "11.0.0.1",
    "100.128.0.1",
    "2001:db8::1",
    "::ffff:8.8.8.8",
  ];
  for (const address of open) assertEquals(isPrivateAddress(address), false, address);
});

Deno.test("publicAddress() refuses names and literals that lead inside", async () => {
  for (const hostname of ["localhost", "127.0.0.1", "::1"]) {
    const failure = await assertRejects(() => publicAddress(hostname), OriginFailure);
    assertEquals([failure.reason, failure.beforeSending], ["policy", false]);
  }
  assertEquals(await publicAddress("8.8.8.8"), "8.8.8.8");
});
