// A day's work over a bad link: `npm run link --workspace field`, as root, with iproute2 and nftables; HAZARD_SERVER names
// the server. The whole of it runs in a network namespace of its own, in which the kernel's own TCP meets a loopback of
// 100 kbit/s for both directions together (tc tbf) that drops 20 % of all packets, acknowledgements too (nft), and resets
// every connection every 30 s. Nothing of that is modelled here, and no other process of the machine feels it.
//
// DAY is the share of a day that is sent (1: 20 inspections, 30 hazards, 60 photos). The limit beside it is what one TCP
// connection that is never cut carries over the same link.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";

import { photos, startTownship } from "../../tus/township.mjs";
import { allSent, ask, hazard, inspection, launch, phone, save, signedIn, villageOf } from "./bench.mjs";

const KBIT_PER_S = 100;
const LOSS_PERCENT = 20;
const CUT_EVERY_MS = 30_000;
const CUT_MS = 1_000;
const LIMIT_BYTES = 400_000;
const DAY = Number(process.env.DAY ?? 1);
const run = (program, ...args) => execFileSync(program, args, { stdio: ["ignore", "pipe", "inherit"] }).toString();
const nft = (rule) => run("nft", ...rule.split(" "));

/** What went over the link, whatever became of it on the way, and of that what was lost and came again. */
const wentOver = () => Number(/^\s*lo:\s*(?:\d+\s+){8}(\d+)/m.exec(readFileSync("/proc/net/dev", "utf8"))[1]);

function spoil() {
  run("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", `${KBIT_PER_S}kbit`, "burst", "3kb", "latency", "400ms");
  nft("add table inet link");
  nft("add chain inet link loss { type filter hook input priority 0 ; }");
  nft("add chain inet link cut { type filter hook input priority 1 ; }");
  nft(`add rule inet link loss numgen random mod 100 lt ${LOSS_PERCENT} drop`);
}

function cutting() {
  let cuts = 0;
  const timer = setInterval(() => {
    cuts += 1;
    nft("add rule inet link cut meta l4proto tcp reject with tcp reset");
    setTimeout(() => nft("flush chain inet link cut"), CUT_MS);
  }, CUT_EVERY_MS);
  return { stop: () => clearInterval(timer), count: () => cuts };
}

/** Bytes a second of one connection that is not cut. */
async function plainTcp() {
  const began = performance.now();
  const server = createServer((socket) => socket.on("data", (bytes) => (got += bytes.length)));
  let got = 0;
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const socket = connect(server.address().port, "127.0.0.1");
  socket.write(Buffer.alloc(LIMIT_BYTES, 7));
  while (got < LIMIT_BYTES) await wait(50);
  const took = performance.now() - began;
  socket.destroy();
  server.close();
  return (1_000 * LIMIT_BYTES) / took;
}

async function write(page, village) {
  const real = ["phones", "gps", "orientation"].flatMap((group) => photos(group));
  const now = Date.now();
  const [inspections, hazards, pictures] = [20, 30, 60].map((all) => Math.round(all * DAY));
  const found = Array.from({ length: inspections }, (_, at) => inspection(village, at, now + at));
  const reported = Array.from({ length: hazards }, (_, at) => hazard(village, at, now + at, found[at % found.length].record));
  for (const edit of [...found, ...reported]) await save(page, [edit]);
  let bytes = 0;
  for (let at = 0; at < pictures; at += 1) {
    const { bytes: original } = real[at % real.length];
    // A line drawn on it makes the same picture another one.
    const marks = [{ shape: "arrow", from: [0.1, (at + 1) / 100], to: [0.4, (at + 1) / 100] }];
    const held = await ask(page, "holdPhoto", [{ file: { picture: 0 }, marks, role: "before", takenAtMs: now + at }], [original.toString("base64")]);
    bytes += held.bytes;
    await save(page, [], [{ held, subjectKind: "hazard", subject: reported[at % reported.length].record, village }]);
  }
  return { inspections, hazards, pictures, bytes };
}

run("ip", "link", "set", "lo", "up", "mtu", "1500");
const township = await startTownship();
const browser = await launch();
try {
  const context = await phone(browser);
  const page = await signedIn(context, township.url, township.password);
  const village = await villageOf(page);
  await context.setOffline(true);
  const day = await write(page, village);
  console.log(`${day.inspections} inspections, ${day.hazards} hazards, ${day.pictures} photos of ${day.bytes} bytes in all`);
  spoil();
  const limit = await plainTcp();
  console.log(`one TCP connection, not cut: ${Math.round((8 * limit) / 1_000)} kbit/s of ${KBIT_PER_S} with ${LOSS_PERCENT} % lost`);
  const before = wentOver();
  const began = performance.now();
  const cuts = cutting();
  let recordsMs;
  let toldMs = began;
  await context.setOffline(false);
  await allSent(page, ({ unsent }) => {
    const now = performance.now();
    if (unsent.versions === 0) recordsMs ??= now - began;
    if (now - toldMs > 60_000) console.log(`${Math.round((now - began) / 1_000)} s: ${unsent.versions} versions, ${unsent.photos} photos wait`);
    if (now - toldMs > 60_000) toldMs = now;
  });
  const took = performance.now() - began;
  cuts.stop();
  const went = wentOver() - before;
  const least = day.bytes / limit;
  console.log(`records sent after ${Math.round(recordsMs / 1_000)} s, all after ${Math.round(took / 1_000)} s with ${cuts.count()} cuts`);
  console.log(`photos alone over that connection: ${Math.round(least)} s: ${((1_000 * least) / took).toFixed(2)} of its limit`);
  console.log(`bytes that had to go ${day.bytes}, bytes on the link ${went} (lost ones, acknowledgements and headers too): ${(went / day.bytes).toFixed(2)}`);
} finally {
  await browser.close();
  run("sh", "-c", "tc qdisc del dev lo root; nft flush ruleset");
  await township.stop();
}
