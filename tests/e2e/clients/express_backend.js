/**
 * A backend as its authors would write it: Express with the GRIP libraries of the field, unmodified. GRIP_URL names
 * the control port. Prints `listening PORT`.
 */
import process from "node:process";
import express from "express";
import { Publisher } from "@fanoutio/grip";
import { ServeGrip } from "@fanoutio/serve-grip";
import { EventStream } from "@fanoutio/eventstream";
import oldGrip from "grip";

const GRIP_URL = process.env.GRIP_URL;
const SIG_KEY = "changeme";

const app = express();
const serveGrip = new ServeGrip({ grip: GRIP_URL, gripVerifyKey: SIG_KEY });
const eventStream = new EventStream({ grip: GRIP_URL });
const publisher = new Publisher(GRIP_URL);
const oldPublisher = new oldGrip.GripPubControl(oldGrip.parseGripUri(GRIP_URL));

// The old library: instructs in the body, its own check of the signature.
function oldHold(make) {
  return (req, res) => {
    if (!oldGrip.validateSig(req.headers["grip-sig"], SIG_KEY)) {
      return res.status(401).end("invalid grip-sig token");
    }
    res.setHeader("Content-Type", "application/grip-instruct");
    res.end(make());
  };
}
app.get(
  "/old/stream",
  oldHold(() =>
    oldGrip.createHoldStream("old", new oldGrip.Response({ body: "[old]\n" }))
  ),
);
app.get(
  "/old/poll",
  oldHold(() =>
    oldGrip.createHoldResponse(
      "old",
      new oldGrip.Response({ body: "late\n" }),
      30,
    )
  ),
);

// An EventStream brings its own ServeGrip along.
app.get("/events/:room", eventStream("room-{room}"));

app.use(serveGrip);
app.use(express.json());

app.get("/whoami", (req, res) => {
  const { isProxied, isSigned, needsSigned } = req.grip;
  res.json({ isProxied, isSigned, needsSigned });
});

app.get("/stream/:channel", (req, res) => {
  const instruct = res.grip.startInstruct();
  instruct.addChannel(req.params.channel);
  instruct.setHoldStream();
  instruct.setKeepAlive("ping\n", 20);
  res.setHeader("Content-Type", "text/plain");
  res.end("[open]\n");
});

app.get("/poll/:channel", (req, res) => {
  const instruct = res.grip.startInstruct();
  instruct.addChannel(req.params.channel);
  instruct.setHoldLongPoll(Number(req.query.timeout ?? 30));
  res.json({ timedOut: true });
});

/** How each library publishes `text` to `channel`. */
const ways = {
  "serve-grip": (channel, text) =>
    serveGrip.getPublisher().publishHttpStream(channel, text),
  "grip": (channel, text) => publisher.publishHttpStream(channel, text),
  "grip-response": (channel, text) =>
    publisher.publishHttpResponse(channel, text),
  "eventstream": (channel, text) =>
    eventStream.publishEvent(channel, { event: "message", data: { text } }),
  "old-stream": (channel, text) =>
    new Promise((resolve, reject) =>
      oldPublisher.publishHttpStream(
        channel,
        text,
        (ok, message) => ok ? resolve() : reject(new Error(message)),
      )
    ),
  "old-response": (channel, text) =>
    new Promise((resolve, reject) =>
      oldPublisher.publishHttpResponse(
        channel,
        text,
        (ok, message) => ok ? resolve() : reject(new Error(message)),
      )
    ),
};

app.post("/publish/:way", async (req, res) => {
  try {
    await ways[req.params.way](req.body.channel, req.body.text);
    res.end("published\n");
  } catch (e) {
    res.status(500).end(`${e}\n`);
  }
});

const server = app.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  console.log(`listening ${server.address().port}`);
});
