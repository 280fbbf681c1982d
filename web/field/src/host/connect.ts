// The pages' end of the host: a proxy that asks whichever tab holds it, and asks again when another takes over.

import type { Host, HostError, HostEvent, Status } from "./contract.js";
import { hostError } from "./errors.js";
import type { PageNews } from "./host.js";
import { Leader, type Broke, type Running } from "./leader.js";
import { CHANNEL, METHODS, type Message, type Method, type Request } from "./rpc.js";

/** A host that says nothing for so long while a page waits is frozen or gone. */
const UNHEARD_MS = 15_000;

/** A host that breaks so often without having begun will not begin. */
const BREAKS_MAX = 3;

interface Pending {
  readonly message: Request;
  readonly askedAtMs: number;
  resolve(result: unknown): void;
  reject(error: HostError): void;
}

/** What may have been done when the host went away, and cannot be done twice: the page looks, and asks again itself. */
const ONCE: readonly Method[] = ["enrol", "signIn"];

/** The host of this app; called once for each page. */
export function connectHost(): Host {
  const connection = new Connection(new BroadcastChannel(CHANNEL));
  const leader = new Leader({ start: startWorker, holds: (isHolder) => connection.hold(isHolder), broke: (...why) => connection.broke(...why) }, navigator.locks);
  leader.queue();
  watchPage((news) => connection.tell(news));
  setInterval(() => {
    if (document.visibilityState === "visible" && connection.isUnheard(performance.now())) leader.steal();
  }, UNHEARD_MS / 3);
  return connection.host();
}

function startWorker(broke: Broke): Running {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.onerror = (event) => {
    event.preventDefault();
    broke(event.message || "The worker could not be started");
  };
  // All that it says here itself is why it could not begin.
  worker.onmessage = ({ data }: MessageEvent<HostError>) => broke(data.detail, data.code);
  return worker;
}

export class Connection {
  private readonly page = crypto.randomUUID();
  private readonly pending = new Map<string, Pending>();
  private readonly listeners = new Set<(event: HostEvent) => void>();
  private isGuest = true;
  private news: PageNews = {};
  private heardAtMs: number | undefined;
  /** How often a host broke since one has begun. */
  private breaks = 0;

  constructor(private readonly channel: BroadcastChannel) {
    channel.onmessage = ({ data }: MessageEvent<Message>) => this.hear(data);
  }

  host(): Host {
    const asked = METHODS.map((method) => [method, (...args: unknown[]) => this.ask(method, args)] as const);
    const host = Object.fromEntries(asked) as unknown as Host;
    return {
      ...host,
      status: async () => this.seenFromHere((await this.ask("status", [])) as Status),
      subscribe: (listener) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
      },
      persist: async () => {
        // Only a page may ask; the host then looks what came of it.
        await navigator.storage?.persist?.().catch(() => false);
        return (await this.ask("persist", [])) as boolean;
      },
    };
  }

  /** Whether this tab holds the host. */
  hold(isHolder: boolean): void {
    this.isGuest = !isHolder;
  }

  /** Whether another tab's host leaves this page waiting without a word. */
  isUnheard(nowMs: number): boolean {
    const oldest = this.pending.values().next().value?.askedAtMs;
    return this.isGuest && oldest !== undefined && nowMs - Math.max(oldest, this.heardAtMs ?? 0) > UNHEARD_MS;
  }

  /** A host broke. What was asked of it is asked again of the next; where none begins any more, that is said. */
  broke(detail: string, code = "host_failed"): void {
    this.breaks += 1;
    if (this.breaks < BREAKS_MAX) return this.giveUpOnce(detail);
    for (const { reject } of this.pending.values()) reject(hostError(code, detail));
    this.pending.clear();
  }

  private giveUpOnce(detail: string): void {
    for (const [request, { message, reject }] of this.pending) {
      if (!ONCE.includes(message.method)) continue;
      this.pending.delete(request);
      reject(hostError("host_lost", detail));
    }
  }

  /** Tells the host what it cannot see; a later host is told again. */
  tell(news: PageNews): void {
    this.news = { ...this.news, ...news };
    this.channel.postMessage({ to: "host", page: this.page, news } satisfies Message);
  }

  private ask(method: Method, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const message: Request = { to: "host", page: this.page, request: crypto.randomUUID(), method, args };
      this.pending.set(message.request, { message, askedAtMs: performance.now(), resolve, reject });
      try {
        this.channel.postMessage(message);
      } catch (error) {
        // What cannot be cloned never leaves this page.
        this.pending.delete(message.request);
        reject(hostError("internal", String(error)));
      }
    });
  }

  private hear(message: Message): void {
    if (message.to === "host") return;
    const isFirst = this.heardAtMs === undefined;
    this.heardAtMs = performance.now();
    if (message.to === "pages" && "event" in message) return this.passOn(message.event);
    if (message.to === "pages") return this.meet(isFirst);
    if (message.page !== this.page) return;
    const pending = this.pending.get(message.request);
    this.pending.delete(message.request);
    if ("error" in message) pending?.reject(message.error);
    else pending?.resolve(message.result);
  }

  /** A host has begun. What the last one left open is asked anew, in the same order and under the same names. */
  private meet(isFirst: boolean): void {
    this.breaks = 0;
    if (!isFirst) this.giveUpOnce("Another host took over");
    this.channel.postMessage({ to: "host", page: this.page, news: this.news } satisfies Message);
    for (const { message } of this.pending.values()) this.channel.postMessage(message);
    this.passOn({ type: "records", kinds: [], ids: "all" });
    this.passOn({ type: "drafts" });
  }

  private passOn(event: HostEvent): void {
    const seen: HostEvent = event.type === "status" ? { type: "status", status: this.seenFromHere(event.status) } : event;
    for (const listener of this.listeners) listener(seen);
  }

  private seenFromHere(status: Status): Status {
    return { ...status, isGuest: this.isGuest };
  }
}

/** Tells what only a page sees: whether it is looked at, whether there is a network, whether the app's files are here. */
function watchPage(tell: (news: PageNews) => void): void {
  document.addEventListener("visibilitychange", () => tell({ isVisible: document.visibilityState === "visible" }));
  addEventListener("online", () => tell({ isOnline: true }));
  addEventListener("offline", () => tell({ isOnline: false }));
  navigator.serviceWorker?.ready.then(() => tell({ hasShell: true })).catch(() => undefined);
}
