// Times sync-core in wasm beside the same functions natively, on the same inputs, in one run: part of `make bench`.
// Prints one JSON object a line. In wasm the time is that of a page: with the texts and objects that cross the boundary.
// `node web/wasm/bench.mjs <native program> <file for the cases>`
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

import * as core from "./pkg/sync_core.js";

core.initSync({ module: readFileSync(new URL("pkg/sync_core_bg.wasm", import.meta.url)) });

const NOW_MS = 1_700_000_000_000;
const id = (number) => `01920000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;
const village = id(0x71);
const caller = { account: id(0x900), role: "inspector", villages: [village] };
const form = {
  sector: "fire", category: "疏散通道", level: "general", description: "二楼疏散通道堆放杂物，应急照明灯不亮，灭火器压力不足。", place: "二楼楼梯间",
  location: { lat: 29.563, lon: 106.551, accuracy_m: 4.5 }, found_at: NOW_MS, found_by: "李安全", suggested_measures: "立即清理，更换灯具和灭火器",
  responsible: "王某", measures: "清理杂物", funds: 2500, deadline: "2023-12-01", contingency_plan: "安排专人值守", site: id(0x50),
};

// A record of a filled form with two later edits, seen by its first phone; and what another phone wrote meanwhile.
function written(phone, record, kind, changes, base) {
  const client = new core.Client(id(phone));
  const answer = client.write({ record: id(record), kind, village, changes }, caller, base, NOW_MS);
  if (answer.refusal) throw new Error(JSON.stringify(answer.refusal));
  return client.view(id(record), base);
}

function cases() {
  const first = written(1, 1, "hazard", form);
  const second = written(2, 1, "hazard", { place: "三楼", funds: 3000 }, first);
  const base = core.join(first, second);
  const delta = core.join(second, written(3, 1, "hazard", { description: "已清理一半", deadline: "2023-11-20" }, first));
  const edit = { record: id(1), kind: "hazard", village, changes: { ...form, deadline: "2023-02-30", funds: -1, level: null } };
  const done = { hazard: id(1), done_at: NOW_MS, done_by: "王某", measures: "清理" };
  const facts = [4, 5].map((phone) => written(phone, phone, "rectification", done));
  const again = { hazard: id(1), at: NOW_MS, by: "李安全", result: "not_passed" };
  facts.push(written(6, 6, "reinspection", again), written(7, 7, "reinspection", { ...again, result: "passed" }));
  const records = Array.from({ length: 500 }, (_, at) => JSON.parse(written(9, 0x10000 + at, "hazard", form)));
  const pull = { records, cursor: "c", more: false, epoch: "1" };
  return {
    join: [base, delta],
    readRecord: [base],
    mark: [base],
    check: [edit, caller, base, NOW_MS],
    standing: [base, facts, "2023-11-21"],
    pull_500: [JSON.stringify({ now_ms: NOW_MS, pull })],
  };
}

function batch(call) {
  const began = performance.now();
  let calls = 0;
  while (performance.now() - began < 100) {
    call();
    calls += 1;
  }
  return ((performance.now() - began) * 1e6) / calls;
}

function time(name, args) {
  const client = new core.Client(id(1));
  const pull = () => {
    client.wantPull();
    client.poll(0);
    return client.handleAnswer(args[0]);
  };
  const call = name === "pull_500" ? pull : name === "check" ? () => client.check(...args) : () => core[name](...args);
  const batches = Array.from({ length: 7 }, () => batch(call)).sort((a, b) => a - b);
  return batches[3];
}

const [native, file] = process.argv.slice(2);
const all = cases();
writeFileSync(file, JSON.stringify(all));
const inWasm = Object.fromEntries(Object.entries(all).map(([name, args]) => [name, time(name, args)]));
const natively = JSON.parse(execFileSync(native, [file], { encoding: "utf8" }));
for (const [name, ns] of Object.entries(inWasm)) {
  const [value, ratio] = [ns / 1000, ns / natively[name]].map((number) => Number(number.toPrecision(3)));
  console.log(JSON.stringify({ name: `wasm ${name}`, value, unit: "µs", ratio, to: "native" }));
}
