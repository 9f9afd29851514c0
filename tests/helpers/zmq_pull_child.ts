/**
 * A process with a PULL socket, to be killed: binds to its argument, prints "bound <endpoint>" and then each message.
 */
import { PullSocket } from "../../src/server/zmq/mod.ts";

const pull = new PullSocket();
console.log(`bound ${await pull.bind(Deno.args[0] ?? "")}`);
for await (const message of pull) console.log(new TextDecoder().decode(message[0]));
