/**
 * ZeroMQ sockets over ZMTP 3.0 and 3.1 (NULL mechanism, tcp and ipc), in TypeScript alone.
 *
 * What differs from libzmq, on purpose: nothing is queued for an endpoint that is not connected yet (PUSH, DEALER and
 * REQ wait for a peer instead); high-water marks are for each peer's connection, without the socket buffers; REP
 * answers in any order; close drops unless told to linger; there is no CURVE, PLAIN or ZAP, so bind where only friends
 * can reach.
 */
export { type Endpoint, formatEndpoint, offsetSpec, parseEndpoint } from "./endpoint.ts";
export type { ZmqOptions } from "./options.ts";
export type { CloseOptions } from "./socket.ts";
export { PullSocket } from "./pull.ts";
export { PushSocket } from "./push.ts";
export { SubSocket } from "./sub.ts";
export { type PubOptions, PubSocket, XpubSocket } from "./pub.ts";
export { DELIMITER, RepSocket, type Request, type Routed, RouterSocket } from "./router.ts";
export { DealerSocket, ReqSocket } from "./dealer.ts";
export type { ZmtpMessage } from "../wire/zmtp_frames.ts";
