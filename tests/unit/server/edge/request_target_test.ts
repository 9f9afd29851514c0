import { assertEquals } from "@std/assert";
import { hasDotSegments, normalisePath, readTarget } from "../../../../src/server/edge/request_target.ts";
import { Random } from "../../../helpers/random.ts";

Deno.test("readTarget() slices authority and path out of the runtime's URL", () => {
  assertEquals(readTarget("http://h:80/a?b", "h:80"), { authority: "h:80", path: "/a?b" });
  assertEquals(readTarget("http+unix://h/a", "h"), { authority: "h", path: "/a" });
  assertEquals(readTarget("http://[::1]:80//a//b/", "[::1]:80"), { authority: "[::1]:80", path: "//a//b/" });
  assertEquals(readTarget("https://h/", null), { authority: "h", path: "/" });
  assertEquals(readTarget("http://localhost:7999/x", ""), { authority: "localhost:7999", path: "/x" });
});

Deno.test("readTarget() takes an absolute target's authority over Host", () => {
  assertEquals(readTarget("http://abs:99/a", "h"), { authority: "abs:99", path: "/a" });
  assertEquals(readTarget("foo://abs", "h"), { authority: "abs", path: "/" });
  assertEquals(readTarget("http://abs?q", "h"), { authority: "abs", path: "/?q" });
});

Deno.test("readTarget() refuses a Host that would move the border to the path", () => {
  for (const host of ["a b", "a/c", "a?d", "a#e", "u@h", "é", "a\\b", "a\tb"]) {
    assertEquals(readTarget(`http://${host}/x`, host), undefined, host);
  }
  assertEquals(readTarget("http://u@h/x", "h"), undefined);
});

Deno.test("normalisePath() resolves, encodes and drops as fetch does, and leaves the rest alone", () => {
  const same = ["/", "/a/b", "//a//b/", "/%zz", "/a%2Fb", "/?", "/?a=", "/a;p=1?q=%zz&r&&s=|&u=a+b", "/*"];
  for (const path of same) assertEquals(normalisePath(path), path);
  const changed: Record<string, string> = {
    "/a/../b": "/b",
    "/a/%2E%2e/b": "/b",
    "/a/./b": "/a/b",
    "/a b": "/a%20b",
    "/a?q='": "/a?q=%27",
    "/a?x#f": "/a?x",
    "/a\\b": "/a/b",
    "/.well-known/x": "/.well-known/x",
    "/../../x": "/x",
  };
  for (const [path, want] of Object.entries(changed)) assertEquals(normalisePath(path), want);
});

Deno.test("normalisePath() says what a URL says, for 10 000 random paths, and says it twice", () => {
  const random = new Random(7);
  const alphabet = "ab/.%2eE?#&=+;:@!$'()*,[]|{}^`\"<>\\ ~-_";
  for (let i = 0; i < 10_000; i++) {
    const path = `/${random.text(random.int(12), alphabet)}`;
    const url = new URL(`http://h${path}`);
    const want = url.href.slice("http://h".length).split("#")[0]!;
    const got = normalisePath(path)!;
    assertEquals(got, want, path);
    assertEquals(normalisePath(got), got, path);
    assertEquals(hasDotSegments(got), false, path);
  }
});

Deno.test("hasDotSegments() finds what would climb, encoded or not, and no other dots", () => {
  for (const path of ["/a/../b", "/..", "/./a", "/%2e%2E/x", "/a/.%2e?x"]) {
    assertEquals(hasDotSegments(path), true);
  }
  for (const path of ["/a..b", "/...", "/.a", "/a?/../b"]) assertEquals(hasDotSegments(path), false, path);
});
