// The phone's disk for tests: while it is full, a transaction that writes ends as browsers end it.

import "fake-indexeddb/auto";

/** `writes`: so many transactions still find room. */
export const disk = { isFull: false, writes: Infinity };

interface Aborting {
  _abort(error: string): void;
}

const begun = new WeakSet<IDBTransaction>();

for (const method of ["put", "add"] as const) {
  const write = IDBObjectStore.prototype[method];
  IDBObjectStore.prototype[method] = function (this: IDBObjectStore, ...args: Parameters<typeof write>) {
    const { transaction } = this;
    if (!begun.has(transaction)) {
      begun.add(transaction);
      if (disk.isFull || disk.writes === 0) queueMicrotask(() => (transaction as unknown as Aborting)._abort("QuotaExceededError"));
      else disk.writes -= 1;
    }
    return write.apply(this, args);
  };
}
