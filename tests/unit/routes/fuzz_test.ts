import { assert } from "@std/assert";
import { parseRoutes } from "../../../src/routes/parse.ts";
import { RouteTable } from "../../../src/routes/table.ts";
import { Random } from "../../helpers/random.ts";

const PIECES = [
  "*",
  "example.com",
  "a",
  " ",
  "  ",
  ",",
  "=",
  '"',
  "\\",
  '\\"',
  "#",
  "\t",
  "\r",
  "id=x",
  ",proto=",
  "ws",
  "http",
  ",ssl=yes",
  ",ssl",
  ",path_beg=/a",
  ",path_rem=",
  "3",
  ",replace_beg=",
  ",header=X:y",
  ",header=",
  ":",
  "localhost:80",
  " localhost:8000",
  " [::1]:80",
  "[",
  "]",
  " test",
  ",sub=",
  ",over_http",
  ",insecure",
  ",client_cert=x",
  ",client_key=y",
  " zhttp/tcp://x",
  ",__proto__=1",
  ",constructor",
  ",toString=",
  ",as_host=h",
  "é",
  "\u0000",
  "\ud800",
  "😀",
  "%",
  "/",
]; // deno-fmt-ignore

const GOOD = [
  "example.com,path_beg=/api,id=api a:80 b:80",
  "*,path_beg=/sse,prefix=p1- 127.0.0.1:8000,ssl,insecure,host=internal",
  '*,header=X-From:pushpin,header="Cookie: a, b",debug [::1]:8000,over_http,sub=news,sub=alerts test # all',
];

function randomLine(random: Random): string {
  if (random.chance(0.3)) {
    return Array.from({ length: random.int(1, 12) }, () => random.pick(PIECES)).join("");
  }
  if (random.chance(0.2)) {
    return String.fromCharCode(...Array.from({ length: random.int(40) }, () => random.int(256)));
  }
  let line = random.pick(GOOD);
  for (let n = random.int(1, 5); n > 0; n--) {
    const at = random.int(line.length + 1);
    const drop = random.chance(0.5) ? random.int(0, 4) : 0;
    line = line.slice(0, at) + (random.chance(0.7) ? random.pick(PIECES) : "") + line.slice(at + drop);
  }
  return line;
}

Deno.test("parseRoutes() never throws and loses no line in silence, for 10 000 random lines", () => {
  const random = new Random(7001);
  for (let n = 0; n < 10_000; n++) {
    const line = randomLine(random).replaceAll("\n", " ");
    const { routes, problems } = parseRoutes(line, { file: "routes", readFile: () => "PEM" });
    const blank = line.replace(/^\ufeff/, "").replace(/^[\t ]+/, "");
    if (/^[\t\r ]*(#|$)/.test(blank)) continue;
    const skipped = problems.filter((p) => !p.kept).length;
    assert(routes.length + skipped === 1, `seed ${random.seed}, line ${n}: ${JSON.stringify(line)}`);
    assert(problems.every((p) => p.line === 1 && p.what !== ""), JSON.stringify(problems));
  }
});

Deno.test("parseRoutes() gives the same routes for a file as for its lines one by one", () => {
  const random = new Random(7002);
  for (let n = 0; n < 50; n++) {
    const lines = Array.from({ length: 40 }, () => randomLine(random).replaceAll("\n", " "));
    const whole = parseRoutes(lines.join("\n"), { file: "r", readFile: () => "PEM" });
    const alone = lines.flatMap((line) => parseRoutes(line, { file: "r", readFile: () => "PEM" }).routes);
    const seen = new Set<string>();
    const kept = alone.filter(({ condition: c }) => {
      if (c.host === undefined) return true;
      const key = [c.host, c.proto, c.ssl, c.pathBeg].map((v) => `${v?.toString().length}:${v}`).join();
      return !seen.has(key) && seen.add(key) !== undefined;
    });
    assert(whole.routes.length === kept.length, `seed ${random.seed}, file ${n}`);
    new RouteTable(whole.routes).match({ host: "a", path: "/", proto: "http", ssl: false });
  }
});
