// Replays the golden histories in wasm, and compares every byte that comes out with what is committed, and so with what
// `golden.rs` gets natively. Throws garbage at every export. Measures the size. Needs `make wasm` before, and nothing of npm.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { gzipSync } from "node:zlib";

import * as core from "../pkg/sync_core.js";

const module = readFileSync(new URL("../pkg/sync_core_bg.wasm", import.meta.url));
core.initSync({ module });

const GZIP_BYTES_MAX = 150 * 1024;
const golden = new URL("golden/", import.meta.url);

// Data leaves wasm as a text that is handed to JSON.parse: here its bytes are seen before they become an object.
const parse = JSON.parse;
let handedOver;
JSON.parse = (text) => {
  handedOver = text;
  return parse(text);
};

function call(clients, { call: name, on, args }) {
  const given = args.map((argument) => argument ?? undefined);
  if (name === "new") {
    clients.set(on, new core.Client(...given));
    return "";
  }
  handedOver = undefined;
  const result = on === undefined ? core[name](...given) : clients.get(on)[name](...given);
  return handedOver ?? (result === undefined ? "" : String(result));
}

for (const file of readdirSync(golden).sort()) {
  test(`${file} gives in wasm the bytes that it gives natively`, () => {
    const clients = new Map();
    const lines = readFileSync(new URL(file, golden), "utf8").trimEnd().split("\n");
    for (const [at, line] of lines.entries()) {
      const { gives, throws, ...what } = parse(line);
      let gave;
      let threw;
      try {
        gave = call(clients, what);
      } catch (fault) {
        assert.equal(fault.name, "Fault", `line ${at + 1}: ${fault}`);
        threw = { code: fault.code, field: fault.field, detail: fault.detail };
      }
      assert.deepEqual({ gave, threw }, { gave: gives, threw: throws }, `line ${at + 1}`);
    }
  });
}

const cyclic = {};
cyclic.self = cyclic;
const garbage = [
  undefined, null, true, NaN, -1, 0.5, 2 ** 53, 1e300, 10n, "", "\ud800", "{}", "[]", '{"a":', "x".repeat(100_000), [], [1], ["{}"],
  {}, cyclic, { record: 1 }, { toJSON: () => undefined }, { get kind() { throw new Error("no"); } }, () => 1, Symbol("s"), new Date(0),
  new Uint8Array(8), new Proxy({}, { get() { throw new Error("no"); } }),
];

// Tuples of so many arguments, every piece of garbage at every place beside two other ones.
function* tuples(length) {
  for (const [at, odd] of garbage.entries()) {
    for (let place = 0; place < Math.max(length, 1); place += 1) {
      const around = [garbage[(at * 7 + place) % garbage.length], "00000000-0000-0000-0000-000000000001", 5];
      for (const filler of around) yield Array.from({ length }, (_, index) => (index === place ? odd : filler));
    }
  }
}

function survives(name, attempt) {
  try {
    attempt();
  } catch (fault) {
    assert.ok(!(fault instanceof WebAssembly.RuntimeError), `${name} trapped: ${fault}`);
    assert.ok(fault.name === "Fault" && typeof fault.code === "string" && typeof fault.field === "string", `${name}: ${fault}`);
  }
}

test("whatever the arguments are, a fault is thrown and the module goes on", () => {
  const notOurs = ["default", "initSync", "Client"];
  const functions = Object.keys(core).filter((name) => !notOurs.includes(name));
  assert.ok(functions.length >= 9, functions.join());
  for (const name of functions) {
    for (const args of tuples(core[name].length)) survives(name, () => core[name](...args));
  }
  const client = new core.Client("00000000-0000-0000-0000-000000000001");
  const methods = Object.getOwnPropertyNames(core.Client.prototype).filter((name) => name !== "constructor" && name !== "free" && !name.startsWith("__"));
  assert.ok(methods.length >= 20, methods.join());
  for (const name of methods) {
    for (const args of tuples(client[name].length)) survives(name, () => client[name](...args));
  }
  for (const args of tuples(1)) survives("new", () => new core.Client(...args));
  assert.equal(client.replica(), "00000000-0000-0000-0000-000000000001");
  assert.equal(core.townshipDate(0), "1970-01-01");
});

test("a form's numbers cross exactly up to 2^53 - 1", () => {
  const client = new core.Client("00000000-0000-0000-0000-000000000001");
  const village = "00000000-0000-0000-0000-000000000071";
  const caller = { account: "00000000-0000-0000-0000-000000000900", role: "inspector", villages: [village] };
  const changes = { of_tomorrow: [Number.MAX_SAFE_INTEGER, 0.1, 5e-324, 1e21, -7] };
  const record = "00000000-0000-0000-0000-000000005001";
  const { effect } = client.write({ record, kind: "drone_flight", village, changes }, caller, undefined, Number.MAX_SAFE_INTEGER);
  assert.equal(effect.effect, "keep");
  const shown = core.readRecord(client.view(record));
  assert.deepEqual(shown.fields.of_tomorrow.value, changes.of_tomorrow);
  assert.equal(core.townshipDate(Number.MAX_SAFE_INTEGER), "9999-12-31");
});

test(`the module is under ${GZIP_BYTES_MAX} bytes gzipped`, (context) => {
  const bytes = gzipSync(module, { level: 9 }).length;
  context.diagnostic(`${module.length} bytes, ${bytes} gzipped`);
  assert.ok(bytes < GZIP_BYTES_MAX, `${bytes} bytes gzipped`);
});
