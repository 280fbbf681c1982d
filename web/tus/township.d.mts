/** A real server with the demo township, on a free loopback port and a folder of its own. */
export interface Township {
  readonly url: string;
  readonly port: number;
  /** Of every demo account. */
  readonly password: string;
  /** The access token of a new device. */
  signIn(username: string, deviceName: string): Promise<string>;
  /** How many files of the store are this photo. */
  copies(hash: string): number;
  /** How many bytes of it are on their way. */
  unfinishedBytes(hash: string): number;
  original(token: string, hash: string): Promise<{ status: number; bytes: Buffer }>;
  /** Pulls the plug. */
  kill(): Promise<void>;
  /** Puts it in again at the same address. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** `isLiving`: with a year of inspections. `hasMap`: with a map of the first village. */
export function startTownship(options?: { readonly isLiving?: boolean; readonly hasMap?: boolean }): Promise<Township>;
export function sha256(bytes: Uint8Array): string;
export function photos(group: string): { readonly name: string; readonly bytes: Buffer }[];
