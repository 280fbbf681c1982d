// What this phone stores about people: who is signed in, with which tokens, and whose records lie here.

import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction } from "idb";

import type { Role } from "../../../wasm/pkg/types.js";

/** Somebody who has signed in on this phone at some time. */
export interface Person {
  readonly accountId: string;
  readonly username: string;
  readonly name: string;
  readonly role: Role;
  readonly villages: readonly string[];
  readonly township: string;
  /** Absent where an earlier build forgot a revoked one. */
  readonly deviceId?: string;
  /** The office has revoked it: files are still sealed as its own, but the next sign-in is that of a new device. */
  readonly isRevoked?: boolean;
  readonly deviceName: string;
  readonly sealKey: string;
  /** Versions and photos without a receipt when somebody else took over. */
  readonly unsent: number;
}

/** The session that is used at the moment. */
export interface Tokens {
  readonly accountId: string;
  readonly access: string;
  /** By this phone's clock. */
  readonly accessUntilMs: number;
  readonly refresh: string;
}

interface DeviceSchema extends DBSchema {
  people: { key: string; value: Person; indexes: { username: string } };
  /** `account`: whose app it is now. `tokens`: that account's session, absent when it has ended. */
  current: { key: "account" | "tokens"; value: string | Tokens };
}

type DeviceWriting = IDBPTransaction<DeviceSchema, ("people" | "current")[], "readwrite">;

export class Device {
  private constructor(private readonly db: IDBPDatabase<DeviceSchema>) {}

  static async open(lost: () => void): Promise<Device> {
    const db = await openDB<DeviceSchema>("hazard-field", 1, {
      upgrade(db) {
        db.createObjectStore("people", { keyPath: "accountId" }).createIndex("username", "username");
        db.createObjectStore("current");
      },
      blocking(_current, _blocked, event) {
        (event.target as IDBDatabase).close();
        lost();
      },
      terminated: lost,
    });
    return new Device(db);
  }

  close(): void {
    this.db.close();
  }

  async current(): Promise<Person | undefined> {
    const account = await this.db.get("current", "account");
    return typeof account === "string" ? this.db.get("people", account) : undefined;
  }

  async tokens(): Promise<Tokens | undefined> {
    const tokens = await this.db.get("current", "tokens");
    return typeof tokens === "object" ? tokens : undefined;
  }

  people(): Promise<Person[]> {
    return this.db.getAll("people");
  }

  byUsername(username: string): Promise<Person | undefined> {
    return this.db.getFromIndex("people", "username", username);
  }

  async keepPerson(person: Person): Promise<void> {
    await this.write((tx) => [tx.objectStore("people").put(person)]);
  }

  /** A sign-in or a refresh: durable before its tokens are used. */
  async keepSession(person: Person, tokens: Tokens): Promise<void> {
    await this.write((tx) => [
      tx.objectStore("people").put(person),
      tx.objectStore("current").put(person.accountId, "account"),
      tx.objectStore("current").put(tokens, "tokens"),
    ]);
  }

  /** The session has ended; whose app it is stays unless they have left. */
  async endSession(hasLeft: boolean): Promise<void> {
    await this.write((tx) => [
      tx.objectStore("current").delete("tokens"),
      ...(hasLeft ? [tx.objectStore("current").delete("account")] : []),
    ]);
  }

  private async write(write: (tx: DeviceWriting) => Promise<unknown>[]): Promise<void> {
    const tx = this.db.transaction(["people", "current"], "readwrite", { durability: "strict" });
    const asked = Promise.allSettled(write(tx));
    await tx.done;
    await asked;
  }
}
