// Asking the server: one session for all tabs of this browser, renewed before it ends, and its problems as they are.

import { reactive } from "vue";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Why a request came to nothing; `code` is the server's, or `network`. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    detail: string,
    readonly body: Record<string, unknown> = {},
  ) {
    super(detail);
  }
}

interface Tokens {
  access_token: string;
  access_expires_at_ms: number;
  refresh_token: string;
  device_id: string;
  server_time_ms: number;
  account: { id: string; username: string; display_name: string; role: string };
  township: { id: string; name: string };
}

interface Kept extends Tokens {
  /** When the access token is to be renewed, by this browser's clock. */
  renewAtMs: number;
}

const KEPT = "office-session";
const RENEW_BEFORE_MS = 30_000;

/** Who is signed in; empty while nobody is. */
export const session = reactive<{ who?: Kept["account"]; township?: Kept["township"] }>({});

function kept(): Kept | undefined {
  const text = localStorage.getItem(KEPT);
  return text === null ? undefined : (JSON.parse(text) as Kept);
}

function keep(tokens: Tokens | undefined): void {
  if (tokens) {
    const lasts = tokens.access_expires_at_ms - tokens.server_time_ms;
    localStorage.setItem(KEPT, JSON.stringify({ ...tokens, renewAtMs: Date.now() + lasts - RENEW_BEFORE_MS }));
    Object.assign(session, { who: tokens.account, township: tokens.township });
  } else {
    localStorage.removeItem(KEPT);
    delete session.who;
    delete session.township;
  }
}

/** Takes up the session of before. */
export function resume(): void {
  const before = kept();
  if (before) Object.assign(session, { who: before.account, township: before.township });
}

/** Whether the page is being left: what is sent then must outlive it. A browser takes up to 64 KiB in this way. */
let isLeaving = false;
addEventListener("pagehide", () => (isLeaving = true));
addEventListener("pageshow", () => (isLeaving = false));

async function send(path: string, init: RequestInit): Promise<Response> {
  const response = await fetch(`/api/v1${path}`, { cache: "no-store", ...init, credentials: "omit", keepalive: isLeaving }).catch((error: unknown) => {
    throw new Problem("network", 0, String(error));
  });
  if (response.ok) return response;
  const isOurs = response.headers.get("content-type")?.startsWith("application/problem+json") ?? false;
  const body = isOurs ? ((await response.json()) as Record<string, unknown>) : {};
  throw new Problem(String(body["code"] ?? "network"), response.status, String(body["detail"] ?? body["title"] ?? ""), body);
}

const json = (body: unknown): RequestInit => ({ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** What this browser is called among the devices: its make and its system, as far as it says. */
export function deviceName(agent: string): string {
  const make = ["Edg", "Firefox", "Chrome", "Safari"].find((name) => agent.includes(`${name}/`)) ?? "";
  const system = ["Windows", "Android", "iPhone", "Mac OS", "Linux"].find((name) => agent.includes(name)) ?? "";
  return [make === "Edg" ? "Edge" : make, system].filter((word) => word !== "").join(" · ") || agent.slice(0, 60) || "?";
}

export async function signIn(username: string, password: string): Promise<void> {
  const before = kept();
  const device = before?.device_id === undefined ? {} : { device_id: before.device_id };
  const answer = await send("/auth/login", json({ username, password, device_name: deviceName(navigator.userAgent), ...device }));
  const tokens = (await answer.json()) as Tokens;
  if (tokens.account.role === "inspector") {
    await end(tokens.access_token);
    throw new Problem("for_phones", 403, "");
  }
  keep(tokens);
}

/** The server ends the session; where it cannot be reached, the session ends by itself. */
async function end(token: string): Promise<void> {
  await send("/auth/logout", { ...json({}), headers: { authorization: `Bearer ${token}`, "content-type": "application/json" } }).catch(() => undefined);
}

export async function signOut(): Promise<void> {
  const before = kept();
  if (before) await end(before.access_token);
  keep(undefined);
}

/** The access token, renewed where it is about to end: by one tab at a time, since a refresh token is good for one use. */
async function token(): Promise<string> {
  const before = kept();
  if (before && Date.now() < before.renewAtMs) return before.access_token;
  return navigator.locks.request("office-session", async () => {
    const now = kept();
    if (!now) throw new Problem("unauthenticated", 401, "");
    if (Date.now() < now.renewAtMs) return now.access_token;
    try {
      const answer = await send("/auth/refresh", json({ refresh_token: now.refresh_token }));
      const fresh = (await answer.json()) as Tokens;
      keep(fresh);
      return fresh.access_token;
    } catch (error) {
      if (error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429) keep(undefined);
      throw error;
    }
  });
}

async function authorised(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...init.headers, authorization: `Bearer ${await token()}` };
  try {
    return await send(path, { ...init, headers });
  } catch (error) {
    if (error instanceof Problem && error.status === 401) keep(undefined);
    throw error;
  }
}

/** What is left out, empty or false does not narrow. */
function queryText(query: Record<string, string | number | boolean | undefined>): string {
  const asked = Object.entries(query).filter(([, value]) => value !== undefined && value !== "" && value !== false);
  const text = new URLSearchParams(asked.map(([name, value]) => [name, String(value)])).toString();
  return text === "" ? "" : `?${text}`;
}

export async function get<T>(path: string, query: Record<string, string | number | boolean | undefined> = {}): Promise<T> {
  return (await authorised(`${path}${queryText(query)}`)).json() as Promise<T>;
}

export async function post<T>(path: string, body: unknown, method = "POST"): Promise<T> {
  const answer = await authorised(path, { ...json(body), method });
  const text = await answer.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

export interface Picture {
  blob: Blob;
  /** The photo itself has not come yet: this is what its phone says that it looks like. */
  isPreview: boolean;
}

/** A picture of a photo; of one that is on its way there may be a preview in place of the smallest. */
export async function picture(hash: string, variant: "256" | "1280" | "original"): Promise<Picture> {
  const answer = await authorised(`/photos/${hash}?variant=${variant}`);
  return { blob: await answer.blob(), isPreview: answer.headers.get("photo-state") === "preview" };
}

/** One of the server's pictures that is no photo; the browser keeps it as long as the server says. */
export async function image(path: string): Promise<Blob> {
  return (await authorised(path, { cache: "default" })).blob();
}

/** A file of the server's making. */
export async function file(path: string, query: Record<string, string | number | boolean | undefined>): Promise<Blob> {
  return (await authorised(`${path}${queryText(query)}`)).blob();
}

/** The server says something every 20 s: after so long without a word there is nobody at the other end, ms. */
const SILENCE_MS = 60_000;
/** How long to wait before listening again, ms; after each that failed twice as long, up to the longest. */
const WAIT_MS = 3_000;
const WAIT_MAX_MS = 48_000;

/** One stream of events: calls back at each, until it ends, falls silent or is stopped. */
async function hear(moved: () => void, stop: AbortSignal): Promise<void> {
  const own = new AbortController();
  const end = () => own.abort();
  stop.addEventListener("abort", end, { signal: own.signal });
  let silence = setTimeout(end, SILENCE_MS);
  try {
    const answer = await authorised("/events", { signal: own.signal });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const next = await reader?.read();
      if (!next?.value) return;
      clearTimeout(silence);
      silence = setTimeout(end, SILENCE_MS);
      if (next.value.includes("event: feed")) moved();
    }
  } finally {
    clearTimeout(silence);
    end();
  }
}

/**
 * Calls back whenever the township's ledger has moved, or may have unheard: while the server cannot be listened to, and when the
 * page or the network is back. Until `stop` is aborted.
 */
export async function listen(moved: () => void, stop: AbortSignal): Promise<void> {
  let wake = () => undefined as void;
  const back = () => {
    if (document.visibilityState !== "visible") return;
    moved();
    wake();
  };
  document.addEventListener("visibilitychange", back, { signal: stop });
  addEventListener("online", back, { signal: stop });
  let wait = WAIT_MS;
  while (!stop.aborted) {
    let hasHeard = false;
    const heard = () => {
      hasHeard = true;
      moved();
    };
    await hear(heard, stop).catch(() => undefined);
    if (stop.aborted) return;
    // A stream that began says itself where the ledger is; without one it is asked.
    if (!hasHeard) moved();
    const rest = hasHeard ? WAIT_MS : wait;
    await new Promise<void>((rested) => {
      wake = rested;
      setTimeout(rested, rest);
    });
    wait = hasHeard ? WAIT_MS : Math.min(wait * 2, WAIT_MAX_MS);
  }
}
