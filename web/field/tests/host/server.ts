// A real server with the demo township, for tests: the program that HAZARD_SERVER names, else the one that `cargo build`
// has made here.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { renameSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const binary = process.env["HAZARD_SERVER"] ?? fileURLToPath(new URL("../../../../target/debug/hazard-ledger", import.meta.url));
/** The password of every account of the demo. */
export const PASSWORD = "demo-only-password";

export class Server {
  private child: ChildProcess | undefined;
  private more: readonly string[] = [];

  private constructor(
    /** Holds the data directory and what else is made for a test. */
    private readonly dir: string,
    private readonly port: number,
  ) {}

  /** `maxZoom`: with a map of the first village, down to this level. */
  static async start({ maxZoom }: { maxZoom?: number } = {}): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), "hazard-field-")), await freePort());
    if (maxZoom !== undefined) server.draw(maxZoom);
    await server.run();
    return server;
  }

  /** Puts a map of the first village on the server, in place of the one that is there. */
  draw(maxZoom: number): void {
    this.more = ["--map-file", join(this.dir, "village.mbtiles")];
    const [, path = ""] = this.more;
    execFileSync(join(dirname(binary), "village-map"), [`${path}.new`, "--reach-m", "1200", "--max-zoom", String(maxZoom)]);
    renameSync(`${path}.new`, path);
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  private get data(): string {
    return join(this.dir, "data");
  }

  backUp(): void {
    execFileSync(binary, ["backup", "--data-dir", this.data, "--to", join(this.dir, "backup")]);
  }

  /** The disk dies, and what the last backup has is put in its place. */
  async restore(): Promise<void> {
    await this.stop();
    await rm(this.data, { recursive: true });
    execFileSync(binary, ["restore", "--from", join(this.dir, "backup"), "--data-dir", this.data]);
    await this.run();
  }

  async run(): Promise<void> {
    const child = spawn(binary, ["serve", "--demo", "--data-dir", this.data, "--listen", `127.0.0.1:${this.port}`, ...this.more], { stdio: "ignore" });
    this.child = child;
    const failed = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`The server ended with ${code}`)));
    });
    failed.catch(() => undefined);
    await Promise.race([this.answers(), failed]);
  }

  private async answers(): Promise<void> {
    for (;;) {
      const answer = await fetch(`${this.origin}/api/v1/me`).catch(() => undefined);
      if (answer) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop(): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No port");
  return address.port;
}
