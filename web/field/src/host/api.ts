// Requests to the server: addresses, time-outs, compression, and problems. What is to be done about a problem is decided
// by those who ask.

import type { HostError } from "./contract.js";
import { hostError } from "./errors.js";

/** A request that has had no sign of the server for so long has failed. */
export const SILENCE_MS = 25_000;
const GZIP_FROM_BYTES = 1_024;

export interface Problem extends HostError {
  readonly status: number;
  /** Of uploads: where to go on. */
  readonly offset?: number;
}

export interface Ask {
  readonly method?: string;
  readonly token?: string;
  readonly json?: string;
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the usual patience. */
  readonly silenceMs?: number;
  /** Gives the request up. */
  readonly signal?: AbortSignal;
}

/** What came back, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

export class Api {
  constructor(
    private readonly origin: string,
    private readonly send: typeof fetch = (...args) => fetch(...args),
    private readonly silenceMs = SILENCE_MS,
  ) {}

  /** The answer, whatever its status; throws `network` where there is none. */
  async ask(path: string, ask: Ask): Promise<Answer> {
    const silence = new Silence(ask.silenceMs ?? this.silenceMs, ask.signal);
    try {
      // What does not hear of being given up is left behind.
      return await Promise.race([this.fetched(path, ask, silence), silence.gone]);
    } catch (error) {
      throw asNetwork(error);
    } finally {
      silence.end();
    }
  }

  /** Gives out the text of an answer as it comes, until it ends; what is no success is read whole, as by `ask`. */
  async hear(path: string, ask: Ask, heard: (text: string) => void): Promise<Answer> {
    const silence = new Silence(ask.silenceMs ?? this.silenceMs, ask.signal);
    const listening = async (): Promise<Answer> => {
      const response = await this.response(path, ask, silence);
      const decoder = new TextDecoder();
      const told = (part: Uint8Array) => heard(decoder.decode(part, { stream: true }));
      const body = response.ok ? await readAll(response, silence, told) : await readAll(response, silence);
      return { status: response.status, headers: response.headers, body };
    };
    try {
      return await Promise.race([listening(), silence.gone]);
    } catch (error) {
      throw asNetwork(error);
    } finally {
      silence.end();
    }
  }

  private async response(path: string, ask: Ask, silence: Silence): Promise<Response> {
    const request = await prepared(ask);
    return this.send(`${this.origin}/api/v1${path}`, { ...request, signal: silence.signal, cache: "no-store", credentials: "omit" });
  }

  private async fetched(path: string, ask: Ask, silence: Silence): Promise<Answer> {
    const response = await this.response(path, ask, silence);
    const body = await readAll(response, silence);
    return { status: response.status, headers: response.headers, body };
  }

  /** The text of an answer that is a success; throws its problem otherwise. */
  async text(path: string, ask: Ask): Promise<string> {
    const answer = await this.ask(path, ask);
    if (answer.status < 200 || answer.status > 299) throw problemOf(answer);
    return new TextDecoder().decode(answer.body);
  }
}

function asNetwork(error: unknown): HostError {
  return hostError("network", error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

/** The problem that an answer is. One that is none of ours came from something in between: nobody knows what was done. */
export function problemOf({ status, headers, body }: Answer): Problem {
  const isOurs = headers.get("content-type")?.startsWith("application/problem+json") ?? false;
  if (!isOurs) return { ...hostError("network", `An answer of ${status} that is not the server's`), status };
  try {
    const read = JSON.parse(new TextDecoder().decode(body)) as { code: string; detail?: string; title?: string; retry_after_s?: number; offset?: number };
    const problem = { ...hostError(read.code, read.detail ?? read.title ?? "", read.retry_after_s), status };
    return read.offset === undefined ? problem : { ...problem, offset: read.offset };
  } catch {
    return { ...hostError("network", `A problem of ${status} that was cut off`), status };
  }
}

export function isProblem(thrown: unknown): thrown is Problem {
  return typeof thrown === "object" && thrown !== null && "code" in thrown && "status" in thrown;
}

async function prepared({ method, token, json, bytes, headers }: Ask): Promise<RequestInit> {
  const all: Record<string, string> = { ...headers };
  if (token !== undefined) all["Authorization"] = `Bearer ${token}`;
  if (bytes) return { method: method ?? "POST", headers: all, body: bytes };
  if (json === undefined) return { method: method ?? "GET", headers: all };
  all["Content-Type"] ??= "application/json";
  const plain = new TextEncoder().encode(json);
  const zipped = plain.byteLength > GZIP_FROM_BYTES ? await gzip(plain) : undefined;
  if (zipped) all["Content-Encoding"] = "gzip";
  return { method: method ?? "POST", headers: all, body: zipped ?? plain };
}

/** `undefined` where this browser cannot. */
async function gzip(plain: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer | undefined> {
  if (typeof CompressionStream === "undefined") return undefined;
  return new Response(new Blob([plain]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
}

/** Reads to the end and gives back everything; or gives each part to `told`, and nothing back. */
async function readAll(response: Response, silence: Silence, told?: (part: Uint8Array) => void): Promise<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const next = await reader?.read();
    if (!next?.value) break;
    silence.broken();
    if (told) {
      told(next.value);
      continue;
    }
    parts.push(next.value);
    length += next.value.byteLength;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

/** Gives a request up when nothing has come for too long, however long it takes in all. */
class Silence {
  private readonly controller = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Fails once the request is given up. */
  readonly gone: Promise<never>;

  constructor(
    private readonly ms: number,
    private readonly outer: AbortSignal | undefined,
  ) {
    this.gone = new Promise((_, reject) => this.signal.addEventListener("abort", () => reject(this.signal.reason)));
    this.gone.catch(() => undefined);
    outer?.addEventListener("abort", this.giveUp);
    if (outer?.aborted) this.giveUp();
    this.broken();
  }

  private readonly giveUp = (): void => this.controller.abort(this.outer?.reason);

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  broken(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.controller.abort(new DOMException("Nothing came for too long", "TimeoutError")), this.ms);
  }

  end(): void {
    clearTimeout(this.timer);
    this.outer?.removeEventListener("abort", this.giveUp);
  }
}
