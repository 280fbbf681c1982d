// The server's tus beside a client that nobody here wrote: tus-js-client in Node, through links that are cut at random
// bytes. Needs the built server and `npm ci` before. A seed that fails is given back as HAZARD_TUS_SEED.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";

import * as tus from "tus-js-client";

import { cuttingProxy } from "./cutting.mjs";
import { photos, sha256, startTownship } from "./township.mjs";

const seed = Number(process.env.HAZARD_TUS_SEED ?? 20261123);
let township;
let wang;
let li;

before(async () => {
  township = await startTownship();
  wang = await township.signIn("inspector01", "phone of Wang");
  li = await township.signIn("inspector02", "phone of Li");
});
after(() => township.stop());

// The client waits for ever where an answer breaks off after its head; here it hears of it, as it does of every other cut.
class Stack extends tus.DefaultHttpStack {
  createRequest(method, url) {
    const request = super.createRequest(method, url);
    const send = request.send.bind(request);
    request.send = (body) => {
      const answered = send(body);
      const broken = new Promise((_, failed) => {
        request
          .getUnderlyingObject()
          .on("response", (answer) => answer.on("aborted", () => failed(new Error("the answer was cut"))));
      });
      return Promise.race([answered, broken]);
    };
    return request;
  }
}

// Options of an upload as one of this server's clients gives them. Every cut may be tried again at once.
function options(token, hash, base, more = {}) {
  return {
    endpoint: `${base}/api/v1/uploads`,
    headers: { authorization: `Bearer ${token}` },
    metadata: { sha256: hash, filetype: "image/jpeg" },
    retryDelays: new Array(200).fill(0),
    storeFingerprintForResuming: false,
    httpStack: new Stack(),
    ...more,
  };
}

// A link to the server for the time of one test.
async function link(t, how) {
  const proxy = await cuttingProxy(township.port, how);
  t.after(() => proxy.close());
  return proxy;
}

// Uploads to the end; the client that did it.
function send(bytes, given) {
  return new Promise((sent, failed) => {
    const upload = new tus.Upload(bytes, { ...given, onSuccess: () => sent(upload), onError: failed });
    upload.start();
  });
}

async function arrivesWhole(token, hash, bytes) {
  const shown = await township.original(token, hash);
  assert.equal(shown.status, 200);
  assert.ok(shown.bytes.equals(bytes), "the bytes are those that were sent");
}

// A creation that is cut is begun anew by this client, so that its links must hold longer.
for (const [way, bytesMax, more] of [
  ["in one piece", 120_000, {}],
  ["in chunks of 64 KiB", 120_000, { chunkSize: 64 * 1024 }],
  ["with the creation", 500_000, { uploadDataDuringCreation: true }],
]) {
  test(`photos arrive whole ${way} through a link that is cut at random bytes`, async (t) => {
    t.diagnostic(`seed ${seed}`);
    // Other bytes each time, so that nothing is there already.
    const own = photos("gps").map(({ name, bytes }) => ({ name, bytes: Buffer.concat([bytes, Buffer.from(way)]) }));
    const proxy = await link(t, { seed: seed + way.length, bytesMax });
    for (const { name, bytes } of own) {
      const hash = sha256(bytes);
      await send(bytes, options(wang, hash, proxy.url, more));
      await arrivesWhole(wang, hash, bytes);
      t.diagnostic(`${name}: ${proxy.counts.cuts} cuts so far`);
    }
    assert.ok(proxy.counts.cuts >= 3, `${proxy.counts.cuts} cuts`);
    const whole = own.reduce((sum, { bytes }) => sum + bytes.length, 0);
    assert.ok(more.uploadDataDuringCreation || proxy.counts.sentBytes < 3 * whole, "what had arrived was not sent again");
  });
}

test("large photos arrive whole, several at the same time", async (t) => {
  const proxy = await link(t, { seed: seed + 7, bytesMax: 900_000 });
  const own = photos("phones");
  await Promise.all(
    own.map(async ({ bytes }) => {
      const hash = sha256(bytes);
      await send(bytes, options(li, hash, proxy.url));
      await arrivesWhole(li, hash, bytes);
    }),
  );
  assert.ok(proxy.counts.cuts > 0);
});

test("an upload that was stopped goes on at its byte with another client", async (t) => {
  const bytes = photos("phones")[0].bytes.map((byte, at) => (at === 5_000 ? byte ^ 1 : byte));
  const hash = sha256(bytes);
  const first = new tus.Upload(bytes, options(wang, hash, township.url, { chunkSize: 100_000 }));
  await new Promise((stopped, failed) => {
    first.options.onError = failed;
    first.options.onChunkComplete = (_size, accepted) => {
      if (accepted >= 500_000) first.abort().then(stopped, failed);
    };
    first.start();
  });
  const quiet = await link(t, { seed, bytesMax: 0 });
  const again = options(wang, hash, quiet.url, { uploadUrl: first.url.replace(township.url, quiet.url) });
  await send(bytes, again);
  assert.ok(quiet.counts.sentBytes < bytes.length - 400_000, `${quiet.counts.sentBytes} bytes were sent again`);
  await arrivesWhole(wang, hash, bytes);
});

test("the same photo sent by two phones at the same time is stored once", async (t) => {
  const bytes = Buffer.concat([photos("gps")[0].bytes, Buffer.from("twice")]);
  const hash = sha256(bytes);
  const proxy = await link(t, { seed: seed + 1, bytesMax: 60_000 });
  await Promise.all([wang, li].map((token) => send(bytes, options(token, hash, proxy.url, { chunkSize: 20_000 }))));
  assert.equal(township.copies(hash), 1);
  // Before a record names it, an inspector sees it who sent it first, and the office.
  await arrivesWhole(await township.signIn("supervisor", "console"), hash, bytes);
  const third = await link(t, { seed, bytesMax: 0 });
  const zhao = await township.signIn("inspector03", "phone of Zhao");
  // Created it is finished; a client that asks first sends nothing.
  await send(bytes, options(zhao, hash, third.url, { uploadUrl: `${third.url}/api/v1/uploads/${hash}` }));
  assert.ok(third.counts.sentBytes < 4_000, "a photo that is there is not sent");
  assert.equal(township.copies(hash), 1);
});

test("an upload that its client ends is gone", async () => {
  const bytes = Buffer.concat([photos("gps")[1].bytes, Buffer.from("ended")]);
  const hash = sha256(bytes);
  const upload = new tus.Upload(bytes, options(wang, hash, township.url, { chunkSize: 50_000 }));
  await new Promise((ended, failed) => {
    upload.options.onError = failed;
    upload.options.onChunkComplete = () => upload.abort(true).then(ended, failed);
    upload.start();
  });
  const headers = { authorization: `Bearer ${wang}`, "tus-resumable": "1.0.0" };
  assert.equal((await fetch(upload.url, { method: "HEAD", headers })).status, 404);
  assert.equal(township.unfinishedBytes(hash), 0);
});

test("a photo that is not what was announced ends with an error, and not as that photo", async () => {
  const bytes = photos("gps")[2].bytes;
  const hash = sha256(Buffer.from("another photo"));
  await assert.rejects(send(bytes, options(wang, hash, township.url)), /460/);
  assert.equal(township.copies(hash), 0);
  assert.equal((await township.original(wang, hash)).status, 404);
});
