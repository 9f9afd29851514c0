import { assertEquals, assertThrows } from "@std/assert";
import { PushpinError } from "../../../../src/errors.ts";
import { formatEndpoint, offsetSpec, parseEndpoint } from "../../../../src/server/zmq/endpoint.ts";

Deno.test("parseEndpoint() reads what libzmq's users write", () => {
  const specs: Readonly<Record<string, unknown>> = {
    "tcp://127.0.0.1:5560": { transport: "tcp", host: "127.0.0.1", port: 5560 },
    "tcp://*:5560": { transport: "tcp", host: "0.0.0.0", port: 5560 },
    "tcp://[::1]:5560": { transport: "tcp", host: "::1", port: 5560 },
    "tcp://[::]:0": { transport: "tcp", host: "::", port: 0 },
    "tcp://localhost:*": { transport: "tcp", host: "localhost", port: 0 },
    "ipc:///run/pushpin/stats": { transport: "ipc", path: "/run/pushpin/stats" },
    "ipc://run/stats": { transport: "ipc", path: "run/stats" },
  };
  for (const [spec, endpoint] of Object.entries(specs)) {
    assertEquals(parseEndpoint(spec) as unknown, endpoint);
  }
});

Deno.test("formatEndpoint() writes what parseEndpoint() reads", () => {
  for (const spec of ["tcp://127.0.0.1:1", "tcp://[::1]:65535", "ipc:///a b"]) {
    assertEquals(formatEndpoint(parseEndpoint(spec)), spec);
  }
});

Deno.test("parseEndpoint() quotes the spec and says what would do", () => {
  const refusals: Readonly<Record<string, string>> = {
    "": "it names no transport",
    "inproc://x": "it names no transport",
    "tcp://127.0.0.1": "it has no port",
    "tcp://127.0.0.1:x": `"x" is no port`,
    "tcp://127.0.0.1:65536": `"65536" is no port`,
    "tcp://::1:5560": "an IPv6 address needs brackets",
    "tcp://[zz]:5560": `"zz" is no IPv6 address`,
    "tcp://a/b:5560": "is no host name",
    "ipc://": "it has no path",
    "ipc://@abstract": "abstract sockets are not supported",
    [`ipc:///${"x".repeat(107)}`]: "its path has 108 bytes and the system takes 107",
  };
  for (const [spec, said] of Object.entries(refusals)) {
    const error = assertThrows(() => parseEndpoint(spec), PushpinError, said);
    assertEquals(error.message.startsWith(`Cannot use ZeroMQ endpoint "${spec}": `), true);
  }
});

Deno.test("offsetSpec() moves TCP ports and nothing else", () => {
  assertEquals(offsetSpec("tcp://127.0.0.1:5560", 10), "tcp://127.0.0.1:5570");
  assertEquals(offsetSpec("tcp://[::1]:5560", 1), "tcp://[::1]:5561");
  assertEquals(offsetSpec("tcp://*:5560", 1), "tcp://*:5561");
  assertEquals(offsetSpec("tcp://*:0", 10), "tcp://*:0");
  assertEquals(offsetSpec("ipc:///run/x", 10), "ipc:///run/x");
  assertThrows(() => offsetSpec("tcp://*:65530", 10), PushpinError, "its port is 65540");
});
