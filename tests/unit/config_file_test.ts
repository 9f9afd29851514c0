import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/toml";
import { type Entry, readIni, readToml } from "../../src/config_file.ts";
import { loadSettings } from "../../src/config.ts";
import { Random } from "../helpers/random.ts";

const plain = (entries: readonly Entry[]) =>
  entries.map((e) => [e.where, e.section, e.key, e.raw.from === "text" ? e.raw.text : e.raw.value]);

Deno.test("readIni() reads sections, comments, empty values and values that hold = or spaces", () => {
  const text =
    '\ufeff# a\r\n; b\r\n[ proxy ]\r\nsig_key = a=b c \r\ncdn_loop=\r\ndebug=true\ndebug=false\nx="q"\n';
  const { entries, problems } = readIni(text, "f");
  assertEquals(problems, []);
  assertEquals(plain(entries), [
    ["f:4", "proxy", "sig_key", "a=b c"],
    ["f:5", "proxy", "cdn_loop", ""],
    ["f:7", "proxy", "debug", "false"],
    ["f:8", "proxy", "x", "q"],
  ]);
});

Deno.test("readIni() says which lines are neither section nor setting", () => {
  const { entries, problems } = readIni("[a\nb\n=c\n[d]\ne=f", "f");
  assertEquals(problems.map((p) => `${p.where}: ${p.what}`), [
    `f:1: "[a" is not a section: write [name]`,
    `f:2: "b" is not a setting: write key=value`,
    `f:3: "=c" is not a setting: write key=value`,
  ]);
  assertEquals(plain(entries), [["f:5", "d", "e", "f"]]);
});

Deno.test("readIni() and loadSettings() take 10 000 random texts and throw at none", () => {
  const random = new Random(20260101);
  const words = [
    "[",
    "]",
    "=",
    "#",
    ";",
    "\n",
    "\r\n",
    '"',
    ",",
    " ",
    ":",
    "proxy",
    "runner",
    "debug",
    "http_port",
    "{rundir}",
  ]
    .concat([
      "log_level",
      "true",
      "7999",
      "\0",
      "é",
      "include",
      "global",
      "tcp://",
      "*",
      "__proto__",
      "constructor",
    ]);
  for (let i = 0; i < 10_000; i++) {
    let text = "";
    for (let n = random.int(40); n > 0; n--) text += random.chance(0.1) ? random.text(3) : random.pick(words);
    const { entries } = readIni(text, "f");
    const lines = text.split(/\r\n|\n|\r/).length;
    for (const entry of entries) assert(Number(entry.where.slice(2)) <= lines, text);
    if (i % 5 === 0) {
      const read = (path: string): string => {
        if (path === "/w/f.conf") return text;
        throw new Deno.errors.NotFound();
      };
      loadSettings({ configPath: "/w/f.conf", flags: [], env: {}, cwd: "/w", readFile: read });
      loadSettings({ configPath: "/w/f.toml", flags: [], env: {}, cwd: "/w", readFile: () => text });
    }
  }
});

Deno.test("readToml() gives each key its line, over strings, arrays and comments of several lines", () => {
  const text = `# one
[proxy] # two
"sig_iss" = 'a # b' # three
routes = [ # four
  "x ] y", # five

  "z",
]
cdn_loop = """
nine
"""
debug = true
[runner]
http_port = "80"
a.b = 1`;
  const { entries, problems } = readToml(text, "f");
  assertEquals(problems, []);
  assertEquals(plain(entries), [
    ["f:3", "proxy", "sig_iss", "a # b"],
    ["f:4", "proxy", "routes", ["x ] y", "z"]],
    ["f:9", "proxy", "cdn_loop", "nine\n"],
    ["f:12", "proxy", "debug", true],
    ["f:14", "runner", "http_port", "80"],
    ["f:15", "runner", "a.b", 1],
  ]);
});

Deno.test("readToml() takes a text with Windows line ends as the same settings", () => {
  const text = `[proxy]\nroutes = [\n"a",\n]\ndebug = true\n`;
  assertEquals(readToml(text.replaceAll("\n", "\r\n"), "f"), readToml(text, "f"));
});

Deno.test("readToml() goes on behind a bad line", () => {
  const { entries, problems } = readToml(`[a b]\n[[c]]\n[d]\ne = "open\nf = 1\ng = = 2\n[d]\nh = 3\n`, "f");
  assertEquals(plain(entries), [["f:5", "d", "f", 1], ["f:8", "d", "h", 3]]);
  assertEquals(problems.map((p) => p.where), ["f:1", "f:2", "f:7", "f:4", "f:6"]);
});

Deno.test("readToml() reads the values that the library reads from the whole text, under random documents", () => {
  const random = new Random(77);
  const values = [
    "1",
    "true",
    '"a\\"]#"',
    "'b#['",
    "[1, 2]",
    '[\n"x",\n"y", # c\n]',
    '"""m\n"n"\n"""',
    "'''\no'''",
    "{ p = 1 }",
  ];
  for (let i = 0; i < 500; i++) {
    let text = "";
    for (let s = 0; s < 3; s++) {
      text += random.chance(0.3) ? "# [x]\n" : "";
      text += `[s${s}]${random.chance(0.3) ? " # c" : ""}\n`;
      for (let k = 0; k < random.int(4); k++) {
        text += `${" ".repeat(random.int(3))}k${k} = ${random.pick(values)}${
          random.chance(0.3) ? " # = [" : ""
        }\n`;
      }
    }
    const whole: Readonly<Record<string, unknown>> = parse(text);
    const { entries, problems } = readToml(text, "f");
    assertEquals(problems, [], text);
    let count = 0;
    for (const entry of entries) {
      const section: unknown = whole[entry.section];
      const expected: unknown = Object.entries(Object(section)).find(([key]) => key === entry.key)?.[1];
      assertEquals(entry.raw, { from: "toml", value: expected }, text);
      count++;
    }
    assertEquals(
      count,
      Object.values(whole).reduce<number>((n, s) => n + Object.keys(Object(s)).length, 0),
      text,
    );
  }
});
