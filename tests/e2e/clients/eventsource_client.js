/**
 * A browser's EventSource, as npm has it: connects to the URL given and prints each event as a line of JSON.
 * Event names of interest come after the URL.
 */
import process from "node:process";
import { EventSource } from "eventsource";

const [url, ...names] = process.argv.slice(2);
const source = new EventSource(url);
const print = (event) => console.log(JSON.stringify(event));
source.onopen = () => print({ type: "open" });
source.onerror = (e) =>
  print({ type: "error", code: e.code, message: e.message });
for (const name of names) {
  source.addEventListener(
    name,
    (e) => print({ type: name, data: e.data, id: e.lastEventId }),
  );
}
