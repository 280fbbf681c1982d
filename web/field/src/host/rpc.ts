// What pages and the host say to each other over one BroadcastChannel, and the host's end of it. The pages' end is in
// connect.ts.

import type { HostError, HostEvent } from "./contract.js";
import { asHostError } from "./errors.js";
import type { FieldHost, PageNews } from "./host.js";

export const CHANNEL = "hazard-field";

/** What a page may ask of the host by name. */
export const METHODS = [
  "status", "enrol", "signIn", "signOut", "list", "counts", "detail", "coverage", "check", "save", "seen", "toFollow", "monthly", "drafts", "draft", "keepDraft",
  "dropDraft", "holdPhoto", "photo", "syncNow", "carry", "takeReceipts", "freeSpace", "persist", "mapFacts",
  "mapTiles", "fetchMap", "removeMap",
] as const;
export type Method = (typeof METHODS)[number];

/** `request` names it among all requests of all pages, also after another tab has become the host. */
export interface Request {
  readonly to: "host";
  readonly page: string;
  readonly request: string;
  readonly method: Method;
  readonly args: readonly unknown[];
}

export type Message =
  | Request
  | { readonly to: "host"; readonly page: string; readonly news: PageNews }
  | { readonly to: "page"; readonly page: string; readonly request: string; readonly result: unknown }
  | { readonly to: "page"; readonly page: string; readonly request: string; readonly error: HostError }
  | { readonly to: "pages"; readonly event: HostEvent }
  /** A host has begun: what is still open is to be asked again, and what pages know is to be told again. */
  | { readonly to: "pages"; readonly begun: true };

/** Answers the pages' requests by this host until it is stopped. */
export function serve(host: FieldHost, channel: BroadcastChannel): void {
  const answer = (message: Message) => channel.postMessage(message);
  // A page that asked while the host began asks again: what is under way is not begun twice.
  const underWay = new Set<string>();
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.to !== "host") return;
    if ("news" in data) return void host.news(data.news);
    const { page, request } = data;
    if (underWay.has(request)) return;
    underWay.add(request);
    call(host, data)
      .then(
        (result) => answer({ to: "page", page, request, result }),
        (error: unknown) => {
          answer({ to: "page", page, request, error: asHostError(error) });
          if (error instanceof WebAssembly.RuntimeError) throw error;
        },
      )
      .finally(() => underWay.delete(request));
  };
}

async function call(host: FieldHost, { method, args, request }: Request): Promise<unknown> {
  if (!METHODS.includes(method)) throw asHostError(new Error(`There is no request ${String(method)}`));
  const named = method === "save" ? [...args, request] : args;
  return (host[method] as (...args: unknown[]) => Promise<unknown>).apply(host, [...named]);
}
