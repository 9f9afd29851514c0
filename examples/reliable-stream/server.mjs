/**
 * Server-sent events of which no client misses one, whatever dies in between: a backend in Express behind Pushpin.
 *
 *   pushpin --route "* localhost:8000"                 # clients come to 7999, publishes to 5561
 *   deno run -A server.mjs                              # in this directory; or: npm install express@4.22.3; node server.mjs
 *   curl -N http://localhost:7999/events               # or in a browser: new EventSource("/events")
 *   curl -d "hello" http://localhost:7999/events       # adds an event
 *
 * Kill the handler, a proxy or this backend while events are added: every client ends with all of them, once, in order.
 * How: the history here is the truth, and every event is published with its id and the one before (prev-id). A client is
 * held with the id that it has; where an item does not follow that, Pushpin asks the next link, and this backend answers
 * what is missing. Browsers that lose their connection come back with Last-Event-ID, which is answered the same way.
 *
 * PORT (8000), CONTROL_URL (http://localhost:5561) and HISTORY (events.log) are environment variables. Who may add events,
 * and whether a request came through Pushpin (Grip-Sig), is left out.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import process from "node:process";
import express from "express";

const { PORT = "8000", CONTROL_URL = "http://localhost:5561", HISTORY = "events.log" } = process.env;
const CHANNEL = "events";
/** Events in one answer; a client that lacks more is led on page by page. */
const PAGE = 100;

// Event n is line n, as JSON. A line that a crash cut short was never acknowledged.
const lines = existsSync(HISTORY) ? readFileSync(HISTORY, "utf8").split("\n") : [];
const events = lines.slice(0, -1).map((line) => JSON.parse(line));
if (lines.length > 0 && lines.at(-1) !== "") appendFileSync(HISTORY, "\n");

const asText = (data, id) => `id: ${id}\n${data.split("\n").map((line) => `data: ${line}\n`).join("")}\n`;

const app = express();

app.get("/events", (req, res) => {
  const from = Math.min(startOf(req), events.length);
  const to = Math.min(from + PAGE, events.length);
  res.set({
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    // Asked when an item does not follow, and every minute in which nothing came.
    "Grip-Link": `</events?after=${to}>; rel=next; timeout=60`,
    "Grip-Channel": `${CHANNEL}; prev-id=${to}`,
  });
  // Without a hold, Pushpin asks the next link at once, and appends what it brings.
  if (to === events.length) {
    res.set({ "Grip-Hold": "stream", "Grip-Keep-Alive": ":\\n\\n; format=cstring; timeout=20" });
  }
  const page = events.slice(from, to).map((data, i) => asText(data, from + i + 1)).join("");
  // An id without data is no event, but the browser will come back with it.
  res.send(page || (isFirst(req) ? `id: ${to}\n\n` : ""));
});

app.post("/events", express.text({ type: () => true }), (req, res) => {
  const data = String(req.body);
  appendFileSync(HISTORY, JSON.stringify(data) + "\n");
  events.push(data);
  res.status(201).send(`${events.length}\n`);
  publishNew();
});

/** The id that the client has: Pushpin's word counts most, then the browser's, then the link's. A newcomer has all. */
function startOf(req) {
  const gripLast = /last-id=(\d+)/.exec(req.get("Grip-Last") ?? "")?.[1];
  const id = gripLast ?? req.get("Last-Event-ID") ?? req.query.after;
  return /^\d+$/.test(id ?? "") ? Number(id) : events.length;
}

function isFirst(req) {
  return req.get("Grip-Last") === undefined && req.query.after === undefined;
}

let published = events.length;
let publishing = false;

/** One after the other, each until Pushpin has it: while its handler is dead they wait here. */
async function publishNew() {
  if (publishing) return;
  publishing = true;
  while (published < events.length) {
    const id = published + 1;
    const content = asText(events[published], id);
    const item = { channel: CHANNEL, id: `${id}`, "prev-id": `${published}` };
    if (await publish({ ...item, formats: { "http-stream": { content } } })) published = id;
    else await new Promise((resolve) => setTimeout(resolve, 100));
  }
  publishing = false;
}

async function publish(item) {
  try {
    const body = JSON.stringify({ items: [item] });
    const response = await fetch(`${CONTROL_URL}/publish/`, { method: "POST", body });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

const server = app.listen(Number(PORT), () => {
  console.log(`listening ${server.address().port}`);
  // What was added and not published when this process died: whoever is held asks for it now.
  publish({ channel: CHANNEL, formats: { "http-stream": { action: "hint" } } });
});
