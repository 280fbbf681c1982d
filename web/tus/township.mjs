// A server with the demo township, started from the built program on a free loopback port and a folder of its own, and
// phones that sign in to it.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../../", import.meta.url));
const program = process.env.HAZARD_SERVER ?? join(project, "target/debug/hazard-ledger");
const shared = process.env.HAZARD_SHARED ?? join(project, "../shared");

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

// Real photos of a group, by their names.
export function photos(group) {
  const folder = join(shared, "data/photos", group);
  return readdirSync(folder)
    .sort()
    .map((name) => ({ name: `${group}/${name}`, bytes: readFileSync(join(folder, name)) }));
}

// Starts the program on a folder; resolves once it listens. Port 0 is any free one.
async function start(folder, port, more) {
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HAZARD_")));
  const server = spawn(program, ["serve", "--demo", "--listen", `127.0.0.1:${port}`, "--data-dir", folder, ...more], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const told = await new Promise((started, failed) => {
    const hear = (words) => {
      said += words;
      const told = /: (http:\/\/127\.0\.0\.1:\d+) {3}\(password of every account: (.+?)\)/.exec(said);
      if (told) started({ url: told[1], password: told[2] });
    };
    server.stdout.on("data", hear);
    server.stderr.on("data", hear);
    server.on("exit", () => failed(new Error(`the server ended:\n${said}`)));
  });
  server.removeAllListeners("exit");
  return { server, ...told };
}

async function end({ server }, signal) {
  const ended = new Promise((exit) => server.on("exit", exit));
  server.kill(signal);
  await ended;
}

// `isLiving`: with a year of inspections. `hasMap`: with a map of the first village, drawn by a program that is built beside
// the server.
export async function startTownship({ isLiving = false, hasMap = false } = {}) {
  if (!existsSync(program)) throw new Error(`${program} is missing: cargo build -p server`);
  const folder = mkdtempSync(join(tmpdir(), "hazard-township-"));
  const map = join(folder, "village.mbtiles");
  if (hasMap) execFileSync(join(dirname(program), "village-map"), [map, "--reach-m", "1500"]);
  const more = [...(isLiving ? ["--demo-history"] : []), ...(hasMap ? ["--map-file", map] : [])];
  let running = await start(folder, 0, more);
  const { url, password } = running;
  const signIn = async (username, deviceName) => {
    const answer = await fetch(`${url}/api/v1/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username, password, device_name: deviceName }),
    });
    if (!answer.ok) throw new Error(`${username}: ${await answer.text()}`);
    return (await answer.json()).access_token;
  };
  // How many files of the store are this photo, and how many bytes of it are on their way.
  const below = (path) =>
    readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? below(join(path, entry.name)) : [join(path, entry.name)],
    );
  return {
    url,
    password,
    port: Number(new URL(url).port),
    signIn,
    copies: (hash) => below(join(folder, "blobs")).filter((path) => path.endsWith(hash)).length,
    unfinishedBytes: (hash) =>
      below(join(folder, "uploads"))
        .filter((path) => path.endsWith(hash))
        .reduce((sum, path) => sum + statSync(path).size, 0),
    async original(token, hash) {
      const answer = await fetch(`${url}/api/v1/photos/${hash}?variant=original`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
    },
    // Pulls the plug, and puts it in again at the same address.
    kill: () => end(running, "SIGKILL"),
    async restart() {
      running = await start(folder, new URL(url).port, more);
    },
    async stop() {
      if (running.server.exitCode === null && running.server.signalCode === null) await end(running, "SIGTERM");
      rmSync(folder, { recursive: true });
    },
  };
}
