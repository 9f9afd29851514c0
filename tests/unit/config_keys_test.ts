import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/toml";
import { allKeys, findKey, KEYS, variableName } from "../../src/config_keys.ts";
import { loadSettings } from "../../src/config.ts";
import { EXAMPLE_FILE, exampleToml } from "../helpers/example_toml.ts";

Deno.test("pushpin.toml.example has every key with the default of the code", async () => {
  if (Deno.env.get("PUSHPIN_TEST_WRITE_EXAMPLE") === "1") {
    await Deno.writeTextFile(EXAMPLE_FILE, exampleToml());
  }
  assertEquals(await Deno.readTextFile(EXAMPLE_FILE), exampleToml());
});

Deno.test("pushpin.toml.example with every comment sign taken away changes no setting", () => {
  const text = exampleToml().replaceAll(/^# ([a-z_]+ = )/gm, "$1");
  const options = { flags: [], env: {}, cwd: "/w" };
  const plain = loadSettings({ ...options, readFile: notThere });
  const full = loadSettings({ ...options, configPath: "/w/pushpin.toml", readFile: () => text });
  assertEquals(full.problems, []);
  assertEquals(full.effective.settings, plain.effective.settings);
  const keys = allKeys().filter(([, , def]) => !("meaningless" in def));
  assertEquals(full.effective.sources.size, keys.length);
});

Deno.test("KEYS: every default is read back from how it is written, in TOML and, but for lists of lines, in text", () => {
  for (const [section, name, def] of allKeys()) {
    if ("meaningless" in def) continue;
    const written = def.kind.format(def.default);
    const value = parse(`value = ${written}`).value;
    assertEquals(def.kind.toml(value), def.default, `${section}.${name} = ${written}`);
    const text = Array.isArray(value) ? value.join(",") : String(value);
    if (text !== "" || def.kind.emptyText) {
      assertEquals(def.kind.text(text), def.default, `${section}.${name}`);
    }
  }
});

Deno.test("KEYS: no two keys share a variable, and every doc is one line that ends", () => {
  const names = allKeys().map(([section, name]) => variableName(section, name));
  assertEquals(new Set(names).size, names.length);
  for (const [section, name, def] of allKeys()) {
    if (!("meaningless" in def)) assert(/^[^\n]{5,100}\.$/.test(def.doc), `${section}.${name}: ${def.doc}`);
  }
});

Deno.test("findKey() knows the original's internal sockets and no misspelt public one", () => {
  for (
    const name of [
      "condure_in_specs",
      "m2a_out_specs",
      "handler_inspect_spec",
      "ws_control_in_spec",
      "stats_spec",
    ]
  ) {
    const def = findKey("proxy", name);
    assert(def !== undefined && "meaningless" in def, name);
  }
  assertEquals(findKey("handler", "push_in_specs"), undefined);
  assertEquals(findKey("handler", "comand_spec"), undefined);
  assertEquals(findKey("handler", "stat_spec"), undefined);
  assertEquals(findKey("proxy", "constructor"), undefined);
  assertEquals(findKey("nowhere", "debug"), undefined);
  assertEquals(findKey("proxy", "debug"), KEYS.proxy.debug);
});

function notThere(): never {
  throw new Deno.errors.NotFound();
}
