/** What `--help` says, and the flags it is about: one table for the parser and for the reader. */
import { describeFlags, type FlagDef } from "./flags.ts";

export const COMMANDS = ["publish", "check", "proxy", "handler", "help"] as const;
export type CommandName = (typeof COMMANDS)[number];

const HELP: FlagDef = { long: "help", short: "h", doc: "Show this." };

const COMMON: readonly FlagDef[] = [
  {
    long: "config",
    short: "c",
    value: "<file>",
    doc: "Settings: a .toml, or a pushpin.conf of the original. Without it:\n" +
      "pushpin.toml, config/pushpin.toml, /etc/pushpin/pushpin.toml.",
  },
  { long: "logfile", short: "l", value: "<file>", doc: "Log there in place of standard output." },
  {
    long: "loglevel",
    short: "L",
    value: "<level>",
    doc: `0 error, 1 warn, 2 info, 3 debug, 4 trace; or a list as "2,proxy:3".`,
  },
  { long: "verbose", short: "v", doc: "The same as --loglevel 3." },
];

const ROUTE: FlagDef = {
  long: "route",
  value: "<line>",
  doc: `A line of routes, as "* localhost:8000"; repeatable. Replaces the\nroutes file.`,
};
const PORT: FlagDef = {
  long: "port",
  short: "p",
  value: "<[addr:]port>",
  doc: "Listen for clients here, and only here.",
};
const ID: FlagDef = {
  long: "id",
  value: "<n>",
  doc: "Number of this instance: adds n*10 to the publishing ports, so that\nseveral can run on one machine.",
};
const IPC_PREFIX: FlagDef = {
  long: "ipc-prefix",
  value: "<text>",
  doc: "Begins the name of every socket file.",
};
const PORT_OFFSET: FlagDef = { long: "port-offset", value: "<n>", doc: "Added to the publishing ports." };
const SINGLE: FlagDef = { long: "single-process", doc: "Everything in one process, for development." };
const VERSION: FlagDef = { long: "version", short: "V", doc: "Show the version." };
const MERGE: FlagDef = {
  long: "merge-output",
  short: "m",
  doc: "Accepted for old scripts; the log is always one.",
};

export const RUN_FLAGS: readonly FlagDef[] = [
  ...[PORT, ROUTE, ...COMMON, ID],
  ...[SINGLE, MERGE, VERSION, HELP],
];
export const PROXY_FLAGS: readonly FlagDef[] = [PORT, ROUTE, ...COMMON, ID, IPC_PREFIX, VERSION, HELP];
export const HANDLER_FLAGS: readonly FlagDef[] = [...COMMON, ID, IPC_PREFIX, PORT_OFFSET, VERSION, HELP];
export const CHECK_FLAGS: readonly FlagDef[] = RUN_FLAGS;

export const PUBLISH_FLAGS: readonly FlagDef[] = [
  { long: "id", value: "<id>", doc: "The item's id: publishing it twice delivers it once." },
  { long: "prev-id", value: "<id>", doc: "The id of the item before it: it waits for that one." },
  {
    long: "sender",
    value: "<name>",
    doc: "Who it is from; skip-self subscribers of that name do not get it.",
  },
  { long: "code", value: "<n>", doc: "Status for long-polls (200)." },
  { long: "header", short: "H", value: `"Name: value"`, doc: "A header for long-polls; repeatable." },
  { long: "meta", short: "M", value: `"name=value"`, doc: "A value for filters; repeatable." },
  { long: "hint", doc: "Send no content, only the hint to look for some." },
  { long: "close", doc: "End the streams and WebSockets of the channel." },
  { long: "patch", doc: "The content is a JSON patch for held responses." },
  { long: "no-seq", doc: "Deliver at once, whatever the order of ids." },
  { long: "no-eol", doc: "Do not add a line end." },
  {
    long: "spec",
    value: "<uri>",
    doc:
      "Where to publish: http(s)://host:port, tcp://, ipc://. Without it\n$GRIP_URL, else http://localhost:5561.",
  },
  { long: "user", short: "u", value: "<user:pass>", doc: "HTTP Basic credentials." },
  { long: "bearer", short: "B", value: "<token>", doc: "A bearer token." },
  { long: "report", doc: "Also say how many clients it was for." },
  HELP,
];

/** The help of the program or of one command. */
export function helpText(command?: CommandName): string {
  switch (command) {
    case undefined:
      return RUN_HELP;
    case "publish":
      return PUBLISH_HELP;
    case "check":
      return CHECK_HELP;
    case "proxy":
    case "handler":
      return roleHelp(command);
    case "help":
      return "Usage: pushpin help [command]\n\nShows the help of the program or of one command.\n";
  }
}

const RUN_HELP = `Usage: pushpin [flags]
       pushpin <command> [flags]

Listens for clients, forwards their requests to your backend, and holds the
connections that the backend asks it to hold, until something is published.

Commands:
  publish    Publish a message to a channel.
  check      Read settings and routes, and say what is wrong with them.
  proxy      Run the proxy alone.
  handler    Run the handler alone.
  help       Show the help of a command.

Flags:
${describeFlags(RUN_FLAGS)}

Settings also come from PUSHPIN_<SECTION>_<KEY> variables: flags win over
variables, variables over the file.

Examples:
  pushpin --route "* test"                       try it without a backend
  pushpin --route "* localhost:8000"             in front of port 8000
  pushpin --config /etc/pushpin/pushpin.toml --port 127.0.0.1:8080
  pushpin publish test "hello there"
`;

const PUBLISH_HELP = `Usage: pushpin publish [flags] <channel> [content]

Publishes to everyone who is held on the channel: as a response to long-polls,
as a line to streams, as a message to WebSockets. A content of @file is read
from that file as it is, and - from standard input. A text gets a line end for
long-polls and streams.

Flags:
${describeFlags(PUBLISH_FLAGS)}

GRIP_URL may carry credentials, as http://host:5561?iss=me&key=base64:c2VjcmV0.
Credentials need https, except to this machine.

Examples:
  pushpin publish test "hello there"
  pushpin publish test --id 2 --prev-id 1 '{"n": 2}' --report
  date | pushpin publish clock -
  pushpin publish test --close
  pushpin publish test -- "-starts with a dash"
`;

const CHECK_HELP = `Usage: pushpin check [flags]

Reads settings and routes as the program would, prints every problem as
file:line: what is wrong, what would do, then the settings in force, each with
where it came from. Exit status 1 where the program would not start.

Flags:
${describeFlags(CHECK_FLAGS)}

Examples:
  pushpin check
  pushpin check --config /etc/pushpin/pushpin.conf
`;

function roleHelp(role: "proxy" | "handler"): string {
  const what = role === "proxy"
    ? "Runs the proxy alone: it has the clients, and needs a handler for what is\npublished. Start them in any order."
    : "Runs the handler alone: it takes what is published, and hands it to the\nproxies. Start them in any order.";
  return `Usage: pushpin ${role} [flags]

${what}

Flags:
${describeFlags(role === "proxy" ? PROXY_FLAGS : HANDLER_FLAGS)}

Example:
  pushpin ${role} --config /etc/pushpin/pushpin.toml
`;
}
