/** fetch names its failures in words only: these are the words of the runtime that we are built for. */
import { assertEquals } from "@std/assert";
import { originFailure } from "../../../../src/server/origin/origin_failure.ts";
import { freePort } from "../../../helpers/free_port.ts";
import { ScriptedOrigin } from "../../../helpers/scripted_origin.ts";

async function failureOf(url: string, init?: RequestInit) {
  try {
    await (await fetch(url, init)).body?.cancel();
  } catch (error) {
    const { reason, beforeSending, code } = originFailure(error, "o:1");
    assertEquals(code, "PUSHPIN_ORIGIN_FAILED");
    return [reason, beforeSending];
  }
  throw new Error("It answered");
}

Deno.test("originFailure() knows what nothing was sent for", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on(/./, { raw: "no TLS" });
  assertEquals(await failureOf(`http://127.0.0.1:${freePort()}/`), ["connect", true]);
  assertEquals(await failureOf(`http://${"x".repeat(64)}.test:80/`), ["dns", true]);
  assertEquals(await failureOf("http://127.0.0.1:6000/"), ["blocked-port", true]);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = listener.accept().then(async (conn) => {
    await conn.read(new Uint8Array(1024));
    conn.close();
  });
  assertEquals(await failureOf(`https://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/`), ["tls", true]);
  await closing;
});

Deno.test("originFailure() knows what may have reached the origin", async () => {
  await using origin = ScriptedOrigin.start();
  origin.on("/close", { raw: "" }).on("/garbage", { raw: "hello\r\n\r\n" });
  const base = `http://127.0.0.1:${origin.port}`;
  assertEquals(await failureOf(`${base}/close`), ["reset-before-headers", false]);
  assertEquals(await failureOf(`${base}/garbage`), ["bad-response", false]);
  assertEquals(await failureOf(`${base}/`, { headers: [["x", "a\u0001b"]] }), ["bad-request", false]);
  assertEquals(await failureOf(`${base}/`, { signal: AbortSignal.abort() }), ["aborted", false]);
});
