import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseCommand } from "../../src/cli.ts";
import { COMMANDS, helpText } from "../../src/cli/help.ts";
import { PushpinError } from "../../src/errors.ts";

function refused(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  try {
    parseCommand(args, env);
  } catch (e) {
    assert(e instanceof PushpinError, String(e));
    assertEquals(e.code, "PUSHPIN_USAGE");
    assert(!e.message.includes("\n"), e.message);
    return e.message;
  }
  throw new Error(`accepted: ${args.join(" ")}`);
}

const flagsOf = (args: readonly string[]) => {
  const command = parseCommand(args, {});
  if (command.kind !== "run" && command.kind !== "check") throw new Error(command.kind);
  return command.settings.flags.map((e) =>
    `${e.section}.${e.key}=${e.raw.from === "text" ? e.raw.text : ""}`
  );
};

Deno.test("parseCommand() takes a flag's value behind a space, behind = and behind its letter", () => {
  const port = ["runner.http_port=80", "runner.https_ports=", "runner.local_ports="];
  for (const args of [["--port", "80"], ["--port=80"], ["-p", "80"], ["-p80"], ["-p=80"]]) {
    assertEquals(flagsOf(args), port, args.join(" "));
  }
  assertEquals(flagsOf(["-mvp", "80"]), [...port, "runner.log_level=3"]);
  assertEquals(flagsOf([]), []);
});

Deno.test("parseCommand() keeps every --route and the last of what can be there once", () => {
  assertEquals(flagsOf(["--route", "* a:1", "--route=* b:2,over_http"]), [
    "proxy.routes=* a:1\n* b:2,over_http",
  ]);
  assertEquals(flagsOf(["--logfile", "a", "-l", "b"]), ["runner.log_file=b"]);
});

Deno.test("parseCommand() lets --loglevel win over --verbose", () => {
  assertEquals(flagsOf(["-L", "4", "-v"]), ["runner.log_level=3", "runner.log_level=4"]);
});

Deno.test("parseCommand() takes -m with a warning", () => {
  const command = parseCommand(["-m"], {});
  assert(command.kind === "run");
  assertEquals(command.settings.warnings.map((w) => w.severity), ["warning"]);
});

Deno.test("parseCommand() knows the roles, check, help and version", () => {
  const kinds = (args: readonly string[]) => {
    const command = parseCommand(args, {});
    return command.kind === "run" ? command.role : command.kind;
  };
  assertEquals(kinds([]), "runner");
  assertEquals(kinds(["proxy", "-c", "f"]), "proxy");
  assertEquals(kinds(["handler", "--port-offset", "10", "--ipc-prefix", "x-"]), "handler");
  assertEquals(kinds(["check", "--config=f"]), "check");
  for (
    const args of [["-h"], ["--help"], ["help"], ["help", "publish"], ["publish", "--help"], ["check", "-h"]]
  ) {
    assertEquals(kinds(args), "help", args.join(" "));
  }
  assertEquals(kinds(["--version"]), "version");
  assertEquals(kinds(["-V"]), "version");
});

Deno.test("parseCommand() says in one line what is wrong and what would do", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["--prot", "80"], `Unknown flag "--prot": did you mean "--port"?`],
    [["--prot=80"], `Unknown flag "--prot": did you mean "--port"?`],
    [["-port", "80"], `Unknown flag "-port": did you mean "--port"?`],
    [["-C", "f"], `Unknown flag "-C": did you mean "-c"?`],
    [["--frobnicate"], `Unknown flag "--frobnicate": --help lists them`],
    [["-x"], `Unknown flag "-x": --help lists them`],
    [["--port"], `--port needs a value: write --port=<value>`],
    [["--port", "--verbose"], `--port needs a value: write --port=<value>`],
    [["-p"], `-p needs a value: write -p<value>`],
    [["--verbose=1"], `--verbose takes no value, is "1"`],
    [["--port", "eighty"], `--port must be a port as "7999", "127.0.0.1:7999" or "[::1]:7999", is "eighty"`],
    [["--port", "65536"], `--port must be a port as "7999", "127.0.0.1:7999" or "[::1]:7999", is "65536"`],
    [["--port", "::1:80"], `--port must be a port as "7999", "127.0.0.1:7999" or "[::1]:7999", is "::1:80"`],
    [
      ["--loglevel", "5"],
      `--loglevel must be a level from 0 to 4 or one of error, warn, info, debug, trace, is "5"`,
    ],
    [["--id", "x"], `--id must be a whole number from 0 to 9999, is "x"`],
    [["--id", "6001"], `--id must be at most 6000, is "6001": it moves ports by ten times itself`],
    [["--route="], `--route needs a line, as "* localhost:8000"`],
    [["--config="], `--config needs a file`],
    [["publsh", "a"], `Unknown command "publsh": did you mean "publish"?`],
    [["serve"], `Unknown command "serve": --help lists them`],
    [["help", "chek"], `Unknown command "chek": did you mean "check"?`],
    [["--verbose", "check"], `The command stands first: write pushpin check and the flags behind it`],
    [["check", "file"], `pushpin check takes no argument, is "file": flags begin with --`],
    [["proxy", "--single-process"], `Unknown flag "--single-process": --help lists them`],
    [["handler", "--route", "x"], `Unknown flag "--route": --help lists them`],
  ];
  for (const [args, message] of cases) assertEquals(refused(args), message);
});

Deno.test("helpText() fits 100 columns and names every command", () => {
  for (const command of [undefined, ...COMMANDS]) {
    for (const line of helpText(command).split("\n")) assert(line.length <= 100, line);
  }
  for (const command of COMMANDS) assertStringIncludes(helpText(), `  ${command} `);
});

const publish = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const command = parseCommand(["publish", ...args], env);
  assert(command.kind === "publish");
  return command.request;
};

Deno.test("parseCommand() reads all that publish can be told", () => {
  const args = [
    "ch",
    "--id=2",
    "--prev-id",
    "1",
    "--sender",
    "me",
    "--code",
    "201",
    "-H",
    "X-A: é ",
    "-H",
    "X-B:",
  ]
    .concat(["-M", "a=b=c", "--no-seq", "--no-eol", "--report", "-u", "me:a:b", "--", "-5"]);
  assertEquals(publish(args), {
    channel: "ch",
    id: "2",
    prevId: "1",
    meta: new Map([["a", "b=c"], ["sender", "me"]]),
    noSeq: true,
    what: {
      action: "send",
      content: { from: "text", text: "-5" },
      eol: false,
      response: { code: 201, headers: [["X-A", "\xc3\xa9"], ["X-B", ""]] },
    },
    target: {
      kind: "http",
      url: "http://localhost:5561/publish/",
      auth: { kind: "basic", userPass: "me:a:b" },
    },
    report: true,
  });
});

Deno.test("parseCommand(): content is text, @file, or - for standard input", () => {
  const source = (content: string) => {
    const { what } = publish(["c", content]);
    return what.action === "send" ? what.content : undefined;
  };
  assertEquals(source(""), { from: "text", text: "" });
  assertEquals(source("@a/b"), { from: "file", path: "a/b" });
  assertEquals(source("-"), { from: "stdin" });
});

Deno.test("parseCommand(): publish goes to --spec, else to GRIP_URL, else to this machine's 5561", () => {
  const target = (spec: string | undefined, GRIP_URL?: string) =>
    publish(
      ["c", "x", ...(spec === undefined ? [] : ["--spec", spec])],
      GRIP_URL === undefined ? {} : { GRIP_URL },
    ).target;
  const http = (url: string) => ({ kind: "http", url } as const);
  assertEquals(target(undefined), http("http://localhost:5561/publish/"));
  assertEquals(target(undefined, ""), http("http://localhost:5561/publish/"));
  assertEquals(target(undefined, "http://a:1/x/"), http("http://a:1/x/publish/"));
  assertEquals(target("https://b/?q=1", "http://a:1"), http("https://b/publish/"));
  assertEquals(target("tcp://127.0.0.1:5560"), { kind: "zmq", spec: "tcp://127.0.0.1:5560" });
});

Deno.test("parseCommand() takes the credentials of a GRIP_URL, with + in a key as it stands", () => {
  const auth = (url: string) => {
    const { target } = publish(["c", "x"], { GRIP_URL: url });
    return target.kind === "http" ? target.auth : undefined;
  };
  const key = new Uint8Array([0xfb, 0xef, 0xbe]);
  assertEquals(auth("http://localhost:5561?iss=me&key=base64:++++"), { kind: "jwt", iss: "me", key });
  assertEquals(auth("http://[::1]:1?key=base64%3A%2B%2B%2B%2B&iss=me"), { kind: "jwt", iss: "me", key });
  assertEquals(auth("http://127.0.0.1/?key=tok&verify-iss=x"), { kind: "bearer", token: "tok" });
  assertEquals(auth("https://me:a%40b@far.example/"), { kind: "basic", userPass: "me:a@b" });
  assertEquals(auth("http://far.example/?iss=me"), undefined);
});

Deno.test("parseCommand() refuses a publish that cannot work, and shows no secret", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[], "A channel is needed: write pushpin publish <channel> <content>"],
    [["c"], "Must specify content: a text, @file, or - for standard input"],
    [["c", "a", "b"], `Too many arguments from "b" on: quote a content that has spaces`],
    [["c", "--hint", "--close"], "--hint and --close exclude each other"],
    [["c", "x", "--hint"], `--hint takes no content, is "x"`],
    [["c", "x", "--code", "1000"], `--code must be a whole number from 0 to 999, is "1000"`],
    [["c", "x", "-H", "no colon"], `--header must be "Name: value", is "no colon"`],
    [["c", "x", "-H", "A: b\r\nC: d"], `--header must be "Name: value", is "A: b\\r\\nC: d"`],
    [["c", "x", "-M", "=v"], `--meta must be "name=value", is "=v"`],
    [["c", "@"], `A file name is needed behind "@"`],
    [["c", "x", "-u", "a:b", "-B", "t"], "--user and --bearer exclude each other"],
    [["c", "x", "-u", "ab"], `--user must be user:pass, has no ":"`],
    [["c", "x", "-B", "a b"], "A bearer token must be printable characters without spaces"],
    [
      ["c", "x", "-B", "t", "--spec", "http://far.example:5561"],
      `Credentials need https: "far.example:5561" is another machine and would get them in the clear`,
    ],
    [["c", "x", "-B", "t", "--spec", "tcp://a:1"], "Credentials need https: ZeroMQ carries none"],
    [
      ["c", "x", "--spec", "ftp://u:p@a/?key=k"],
      `--spec must be http://, https://, tcp:// or ipc:// and an address, is "ftp://a/"`,
    ],
    [
      ["c", "x", "--spec", "http://"],
      `--spec must be http://, https://, tcp:// or ipc:// and an address, is "http://"`,
    ],
  ];
  for (const [args, message] of cases) assertEquals(refused(["publish", ...args]), message);
  assertThrows(
    () => publish(["c", "x"], { GRIP_URL: "localhost:5561" }),
    PushpinError,
    "GRIP_URL must be http://",
  );
});

Deno.test("parseCommand() takes what a task runner's own dashes stand before", () => {
  assertEquals(parseCommand(["--", "--version"], {}), { kind: "version" });
});
