/**
 * Where WebSocket clients will be taken over. The journey asks here first, with the route found among the `ws` ones, so
 * that what serves them needs no change elsewhere.
 */
import type { Header } from "../../grip/head.ts";
import { type Refusal, websocketUnsupported } from "./refusals.ts";

/** True for a request that wants to leave HTTP for WebSocket. */
export function wantsWebSocket(method: string, headers: readonly Header[]): boolean {
  return method === "GET" &&
    headers.some(([name, value]) => name === "upgrade" && value.toLowerCase() === "websocket");
}

/** Answers an upgrade: for now with a clear no. */
export function answerWebSocket(): Refusal {
  return websocketUnsupported();
}
