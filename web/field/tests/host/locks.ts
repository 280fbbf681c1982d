// Web Locks of one name, as far as the host uses them: a queue, stealing, and giving up waiting.

type Callback = () => Promise<unknown>;

interface Waiting {
  readonly callback: Callback;
  readonly reject: (error: unknown) => void;
}

export class Locks {
  private holder: Waiting | undefined;
  private queue: Waiting[] = [];

  request(_name: string, options: { steal?: boolean; signal?: AbortSignal }, callback: Callback): Promise<unknown> {
    return new Promise((_, reject) => {
      const waiting = { callback, reject };
      options.signal?.addEventListener("abort", () => this.leave(waiting));
      if (options.steal) {
        this.holder?.reject(new DOMException("Stolen", "AbortError"));
        this.holder = undefined;
        this.queue.unshift(waiting);
      } else {
        this.queue.push(waiting);
      }
      this.next();
    });
  }

  /** The tab that holds the lock goes away. */
  release(): void {
    this.holder = undefined;
    this.next();
  }

  private leave(waiting: Waiting): void {
    if (!this.queue.includes(waiting)) return;
    this.queue = this.queue.filter((each) => each !== waiting);
    waiting.reject(new DOMException("Given up", "AbortError"));
  }

  private next(): void {
    if (this.holder) return;
    this.holder = this.queue.shift();
    void this.holder?.callback();
  }
}
