/**
 * The program behind bare.ts: GET /sub?channel=C is a stream, POST /pub?channel=C goes to all of them, GET
 * /poll?channel=C is never answered, GET /polls?channel=C says how many of those there were, and everything else is
 * fetched from the origin and passed on as it is.
 */
const origin = `http://127.0.0.1:${Deno.args[1]}`;
const client = Deno.createHttpClient({ allowHost: true, http2: false });
const headers: [string, string][] = [
  ["host", "bench"],
  ["accept", "*/*"],
  ["accept-language", "*"],
  ["user-agent", "bench"],
  ["accept-encoding", "identity"],
  ["accept-encoding", "gzip"],
];
const channels = new Map<string, Set<ReadableStreamDefaultController<Uint8Array>>>();
const encoder = new TextEncoder();
let polls = 0;
const hello = encoder.encode(": open\n\n");

Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen: () => {} }, async (request) => {
  const at = request.url.indexOf("channel=");
  if (at < 0) {
    const path = request.url.slice(request.url.indexOf("/", 8));
    const { method, body, signal } = request;
    return await fetch(
      origin + path,
      { method, headers, body, signal, client, redirect: "manual" } as RequestInit,
    );
  }
  const channel = request.url.slice(at + 8);
  if (request.method === "POST") {
    const bytes = encoder.encode(`data: ${await request.text()}\n\n`);
    for (const controller of channels.get(channel) ?? []) controller.enqueue(bytes);
    return new Response("ok");
  }
  if (request.url.includes("/poll?")) {
    polls++;
    return new Promise(() => {});
  }
  if (request.url.includes("/polls?")) return new Response(String(polls));
  let members = channels.get(channel);
  if (members === undefined) channels.set(channel, members = new Set());
  const set = members;
  let mine: ReadableStreamDefaultController<Uint8Array>;
  return new Response(
    new ReadableStream({
      start(controller) {
        set.add(mine = controller);
        controller.enqueue(hello);
      },
      cancel: () => void set.delete(mine),
    }),
    { headers: { "content-type": "text/event-stream" } },
  );
});
