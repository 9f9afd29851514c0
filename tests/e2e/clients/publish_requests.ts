/**
 * Publish requests as the field's libraries put them on the wire, for those that cannot be run here (Ruby, Go, Python,
 * PHP, Java). Written down from their sources: header names in their case and order, bodies in their JSON dialect.
 */
import type { RawHeader } from "../../helpers/http_message.ts";

export interface PublishRequest {
  /** The library. */
  readonly by: string;
  readonly path: string;
  readonly headers: readonly RawHeader[];
  /** Sent as UTF-8, with its length. */
  readonly body: string;
  /** What a stream held on the channel must get. */
  readonly delivered: string;
}

/** A bearer token as the libraries make them from GRIP_URL's iss and key; the program does not look into it. */
const TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJwdXNocGluIiwiZXhwIjoxfQ.c2lnbmF0dXJl";

/** Ruby's Base64.encode64: a newline after every 60 characters and at the end. */
export function rubyBase64(text: string): string {
  const plain = btoa(text);
  return (plain.match(/.{1,60}/g) ?? []).map((line) => `${line}\n`).join("");
}

const LONG = "a line that is long enough for Ruby to wrap its base64 more than once, as it does in life\n";

/** Items for `channel`; every one reaches a stream. */
export function publishRequests(channel: string): readonly PublishRequest[] {
  const stream = (content: string) => ({ content });
  return [
    {
      by: "ruby-pubcontrol: line-wrapped base64, formats beside the channel",
      path: "/publish/",
      headers: [
        ["Content-Type", "application/json"],
        ["Accept-Encoding", "gzip;q=1.0,deflate;q=0.6,identity;q=0.3"],
        ["Accept", "*/*"],
        ["User-Agent", "Ruby"],
        ["Host", "localhost:5561"],
      ],
      body: JSON.stringify({ items: [{ "http-stream": { "content-bin": rubyBase64(LONG) }, channel }] }),
      delivered: LONG,
    },
    {
      by: "go-pubcontrol: an empty Authorization where no credentials are set",
      path: "/publish/",
      headers: [
        ["Host", "localhost:5561"],
        ["User-Agent", "Go-http-client/1.1"],
        ["Authorization", ""],
        ["Content-Type", "application/json"],
        ["Accept-Encoding", "gzip"],
      ],
      body: JSON.stringify({ items: [{ channel, "http-stream": stream("by go\n") }] }),
      delivered: "by go\n",
    },
    {
      by: "pypubcontrol: flat items, a bearer token, requests' own headers",
      path: "/publish/",
      headers: [
        ["Host", "localhost:5561"],
        ["User-Agent", "python-requests/2.32.3"],
        ["Accept-Encoding", "gzip, deflate"],
        ["Accept", "*/*"],
        ["Connection", "keep-alive"],
        ["Authorization", `Bearer ${TOKEN}`],
        ["Content-Type", "application/json"],
      ],
      body: `{"items": [{"http-stream": {"content": "by python \\u2603\\n"}, "channel": ${
        JSON.stringify(channel)
      }}]}`,
      delivered: "by python \u2603\n",
    },
    {
      by: "pypubcontrol: a batch of ten",
      path: "/publish/",
      headers: [
        ["Host", "localhost:5561"],
        ["User-Agent", "python-requests/2.32.3"],
        ["Accept", "*/*"],
        ["Content-Type", "application/json"],
      ],
      body: JSON.stringify({
        items: Array.from({ length: 10 }, (_, i) => ({ "http-stream": stream(`${i}\n`), channel })),
      }),
      delivered: "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n",
    },
    {
      by: "php-pubcontrol: curl with a charset, waiting for 100-continue",
      path: "/publish/",
      headers: [
        ["Host", "localhost:5561"],
        ["Accept", "*/*"],
        ["Content-Type", "application/json; charset=utf-8"],
        ["Authorization", `Bearer ${TOKEN}`],
        ["Expect", "100-continue"],
      ],
      body: JSON.stringify({
        items: [{ "http-response": { body: "x" }, "http-stream": stream(`${"p".repeat(2000)}\n`), channel }],
      }),
      delivered: `${"p".repeat(2000)}\n`,
    },
    {
      by: "java-pubcontrol: HttpURLConnection's Accept",
      path: "/publish/",
      headers: [
        ["Content-Type", "application/json"],
        ["User-Agent", "Java/17.0.2"],
        ["Host", "localhost:5561"],
        ["Accept", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"],
        ["Connection", "keep-alive"],
      ],
      body: JSON.stringify({ items: [{ "http-stream": stream("by java\n"), channel }] }),
      delivered: "by java\n",
    },
    {
      by: "django-eventstream: an id, formats in an object",
      path: "/publish/",
      headers: [["Host", "localhost:5561"], ["Content-Type", "application/json"]],
      body: JSON.stringify({
        items: [{ channel, id: "dj-1", formats: { "http-stream": stream("event: message\ndata: {}\n\n") } }],
      }),
      delivered: "event: message\ndata: {}\n\n",
    },
    {
      by: "curl by hand: no slash, a form's content type",
      path: "/publish",
      headers: [
        ["Host", "localhost:5561"],
        ["User-Agent", "curl/8.5.0"],
        ["Accept", "*/*"],
        ["Content-Type", "application/x-www-form-urlencoded"],
      ],
      body: JSON.stringify({ items: [{ channel, formats: { "http-stream": stream("by hand\n") } }] }),
      delivered: "by hand\n",
    },
  ];
}
