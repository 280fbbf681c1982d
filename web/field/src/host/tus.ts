// One step of an upload by tus 1.0.0 (protocol: Photos): where it stands afterwards. Which photo, how much of it and when
// is decided in uploads.ts.

import { problemOf, type Answer, type Api } from "./api.js";
import type { Session } from "./session.js";

/** A part of a photo may take so long on a slow link; what came before a cut stays with the server. */
const PART_SILENCE_MS = 60_000;
const TUS = { "Tus-Resumable": "1.0.0" };

export class Tus {
  constructor(
    private readonly account: string,
    private readonly session: Session,
    private readonly api: Api,
  ) {}

  /** Begins an upload, or takes up one that was begun: from where to send. */
  async create(hash: string, bytes: number, signal: AbortSignal): Promise<number> {
    const headers = { ...TUS, "Upload-Length": String(bytes), "Upload-Metadata": `sha256 ${btoa(hash)}` };
    const answer = await this.session.ask(this.account, (token) => this.api.ask("/uploads", { method: "POST", token, headers, signal }));
    return offsetOf(answer, 201);
  }

  /** Sends a part from an offset: from where to go on. */
  async patch(hash: string, offset: number, part: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<number> {
    const checksum = btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", part))));
    const headers = {
      ...TUS,
      "Upload-Offset": String(offset),
      "Content-Type": "application/offset+octet-stream",
      "Upload-Checksum": `sha256 ${checksum}`,
    };
    const ask = { method: "PATCH", headers, bytes: part, silenceMs: PART_SILENCE_MS, signal };
    const answer = await this.session.ask(this.account, (token) => this.api.ask(`/uploads/${hash}`, { ...ask, token }));
    return offsetOf(answer, 204);
  }
}

function offsetOf(answer: Answer, success: number): number {
  const offset = answer.headers.get("upload-offset");
  if (answer.status !== success || offset === null || !/^\d+$/.test(offset)) throw problemOf(answer);
  return Number(offset);
}
