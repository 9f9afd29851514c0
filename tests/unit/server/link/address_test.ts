import { assert, assertEquals } from "@std/assert";
import { PushpinError } from "../../../../src/errors.ts";
import { linkAddress, parseLinkAddress } from "../../../../src/server/link/address.ts";

Deno.test("parseLinkAddress() reads local sockets and TCP, and names what is neither", () => {
  assertEquals(parseLinkAddress("ipc:///run/p/link"), { transport: "unix", path: "/run/p/link" });
  assertEquals(parseLinkAddress("tcp://[::1]:5570"), { transport: "tcp", hostname: "::1", port: 5570 });
  assertEquals(parseLinkAddress("10.0.0.1:5570"), { transport: "tcp", hostname: "10.0.0.1", port: 5570 });
  assertEquals(
    linkAddress({ link_spec: "", rundir: "/run/p", ipc_prefix: "pushpin-" }),
    { transport: "unix", path: "/run/p/pushpin-link" },
  );
  assertEquals(parseLinkAddress("tcp://*:5570"), { transport: "tcp", hostname: "0.0.0.0", port: 5570 });
  for (const bad of ["", "http://x:1", "tcp://x", "tcp://x:99999", "ipc://", `ipc:///${"x".repeat(120)}`]) {
    try {
      parseLinkAddress(bad);
    } catch (error) {
      assert(error instanceof PushpinError && error.message.includes(`"${bad}"`));
      continue;
    }
    throw new Error(`accepted "${bad}"`);
  }
});
