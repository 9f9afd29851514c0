import { assertEquals } from "@std/assert";
import { accessLine } from "../../../../src/server/proxy/access_line.ts";

const base = { method: "GET", uri: "http://h/a" } as const;

Deno.test("accessLine() says code and length, and a dash for a length that nobody said", () => {
  const outcome = { kind: "code", code: 200, bytes: 12 } as const;
  assertEquals(accessLine({ ...base, target: "o:80", outcome }), "GET http://h/a -> o:80 code=200 12");
  assertEquals(
    accessLine({ ...base, outcome: { ...outcome, bytes: undefined } }),
    "GET http://h/a code=200 -",
  );
});

Deno.test("accessLine() puts its parts in the order of the original", () => {
  const line = accessLine({
    ...base,
    target: "o:80",
    from: "1.1.1.1",
    referer: "http://r/",
    routeId: "main",
    userAgent: "t/1 (x)",
    outcome: { kind: "accept" },
    retry: true,
    gripLast: [["Grip-Last", "c; last-id=7"], ["Grip-Last", "d; last-id=8"]],
  });
  assertEquals(
    line,
    "GET http://h/a -> o:80 from=1.1.1.1 ref=http://r/ route=main accept retry ua=t/1 (x) #c=7 #d=8",
  );
});
