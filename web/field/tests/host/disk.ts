// The phone's disk for tests: while it is full, a transaction that writes ends as browsers end it.

import "fake-indexeddb/auto";

export const disk = { isFull: false };

interface Aborting {
  _abort(error: string): void;
}

const ending = new WeakSet<IDBTransaction>();

for (const method of ["put", "add"] as const) {
  const write = IDBObjectStore.prototype[method];
  IDBObjectStore.prototype[method] = function (this: IDBObjectStore, ...args: Parameters<typeof write>) {
    const { transaction } = this;
    if (disk.isFull && !ending.has(transaction)) {
      ending.add(transaction);
      queueMicrotask(() => (transaction as unknown as Aborting)._abort("QuotaExceededError"));
    }
    return write.apply(this, args);
  };
}
