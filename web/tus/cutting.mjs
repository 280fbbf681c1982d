// A proxy that cuts: every connection through it ends after a random number of bytes, now of what the client sends, now of
// what the server answers. The numbers come from a seed.
import net from "node:net";

// Marsaglia's xorshift with 32 bits: enough to choose where to cut, and the same everywhere.
export function random(seed) {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

// Listens on a free loopback port before `port`. `bytesMax`: after how many bytes a connection is cut at the latest;
// 0: never. Counts what clients have sent.
export async function cuttingProxy(port, { seed, bytesMax }) {
  const draw = random(seed);
  const counts = { cuts: 0, sentBytes: 0 };
  const open = new Set();
  const proxy = net.createServer((outer) => {
    const inner = net.connect(port, "127.0.0.1");
    const cut = () => {
      outer.destroy();
      inner.destroy();
    };
    for (const socket of [outer, inner]) {
      open.add(socket);
      socket.on("error", cut).on("close", () => {
        open.delete(socket);
        cut();
      });
    }
    // One connection in four is cut in the answer: the server has done what the client does not hear of.
    const inAnswer = bytesMax > 0 && draw(4) === 0;
    let left = bytesMax > 0 ? 1 + draw(inAnswer ? 600 : bytesMax) : Infinity;
    const pass = (from, to, isCut) =>
      from.on("data", (bytes) => {
        const passed = isCut ? bytes.subarray(0, left) : bytes;
        if (from === outer) counts.sentBytes += passed.length;
        if (isCut) left -= passed.length;
        from.pause();
        to.write(passed, () => {
          if (isCut && left === 0) {
            counts.cuts += 1;
            cut();
          } else {
            from.resume();
          }
        });
      });
    pass(outer, inner, !inAnswer);
    pass(inner, outer, inAnswer);
  });
  await new Promise((listening) => proxy.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    counts,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((closed) => proxy.close(closed));
    },
  };
}
