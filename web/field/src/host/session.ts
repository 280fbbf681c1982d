// Signing in, tokens and their renewal. A refused token never costs data: records belong to the account, not to its session.

import type { Role } from "../../../wasm/pkg/types.js";
import { isProblem, problemOf, type Answer, type Api } from "./api.js";
import type { Trouble } from "./contract.js";
import type { Device, Person, Tokens } from "./device.js";
import { hostError } from "./errors.js";

/** A token that ends sooner than this is renewed before it is used. */
const RENEW_BEFORE_MS = 30_000;

/** Why requests cannot be made with this session until the person does something. */
export type Ended = Extract<Trouble, { why: "signed_out" | "account_disabled" | "device_revoked" }>["why"];

interface SignedIn {
  access_token: string;
  access_expires_at_ms: number;
  refresh_token: string;
  device_id: string;
  seal_key: string;
  server_time_ms: number;
  account: { id: string; username: string; display_name: string; role: Role; villages: string[] };
  township: { id: string; name: string };
}

export class Session {
  person: Person | undefined;
  ended: Ended | undefined;
  private tokens: Tokens | undefined;
  private renewing: Promise<void> | undefined;

  constructor(
    private readonly device: Device,
    private readonly api: Api,
    private readonly now: () => number,
  ) {}

  async open(): Promise<void> {
    [this.person, this.tokens] = await Promise.all([this.device.current(), this.device.tokens()]);
    if (this.person && !this.tokens) this.ended = this.person.isRevoked ? "device_revoked" : "signed_out";
  }

  async signIn(username: string, password: string, deviceName: string): Promise<void> {
    const known = await this.device.byUsername(username.trim().toLowerCase());
    const body = { username, password, device_name: deviceName, ...(known?.deviceId === undefined || known.isRevoked ? {} : { device_id: known.deviceId }) };
    try {
      await this.begin("/auth/login", body, deviceName);
    } catch (error) {
      if (!known || !isProblem(error) || error.code !== "device_revoked") throw error;
      await this.revoke(known);
      await this.begin("/auth/login", { username, password, device_name: deviceName }, deviceName);
    }
  }

  async enrol(code: string, deviceName: string): Promise<void> {
    await this.begin("/auth/enrol", { code, device_name: deviceName }, deviceName);
  }

  private async begin(path: string, body: object, deviceName: string): Promise<void> {
    await this.take(await this.api.text(path, { json: JSON.stringify(body) }), deviceName);
  }

  /** Takes in a sign-in or a refresh: stored first, used then. */
  private async take(text: string, deviceName: string): Promise<void> {
    const answer = JSON.parse(text) as SignedIn;
    const { account, township } = answer;
    const known = (await this.device.people()).find((each) => each.accountId === account.id);
    const person: Person = {
      accountId: account.id,
      username: account.username,
      name: account.display_name,
      role: account.role,
      villages: account.villages,
      township: township.name,
      deviceId: answer.device_id,
      deviceName,
      sealKey: answer.seal_key,
      unsent: known?.unsent ?? 0,
    };
    const tokens: Tokens = {
      accountId: account.id,
      access: answer.access_token,
      accessUntilMs: this.now() + (answer.access_expires_at_ms - answer.server_time_ms),
      refresh: answer.refresh_token,
    };
    await this.device.keepSession(person, tokens);
    [this.person, this.tokens, this.ended] = [person, tokens, undefined];
  }

  /** Leaves this phone: the session ends here at once, and on the server where that can be reached; nobody waits for it. */
  async signOut(): Promise<void> {
    const access = this.tokens?.access;
    await this.device.endSession(true);
    [this.person, this.tokens, this.ended] = [undefined, undefined, undefined];
    if (access !== undefined) void this.api.ask("/auth/logout", { method: "POST", token: access }).catch(() => undefined);
  }

  /**
   * Makes a request of an account with a token that the server takes; renews it where it does not. Throws problems. Where
   * somebody else has signed in meanwhile it is not made: nothing of one account goes out under another's name.
   */
  async ask(account: string, request: (token: string) => Promise<Answer>): Promise<Answer> {
    if (this.tokens?.accountId === account && this.tokens.accessUntilMs - RENEW_BEFORE_MS < this.now()) await this.renew(this.tokens.access);
    const first = await this.once(account, request);
    if (first.answer.status !== 401) return this.judged(first.answer);
    const { code } = problemOf(first.answer);
    if (code !== "token_expired" && code !== "token_missing" && code !== "token_invalid") return this.judged(first.answer);
    await this.renew(first.token);
    return this.judged((await this.once(account, request)).answer);
  }

  private async once(account: string, request: (token: string) => Promise<Answer>): Promise<{ token: string; answer: Answer }> {
    const token = this.tokens?.accountId === account ? this.tokens.access : undefined;
    if (token === undefined) throw hostError(this.ended ?? "signed_out", "Nobody is signed in");
    return { token, answer: await request(token) };
  }

  /** Notes where an answer says that the session is over. */
  private async judged(answer: Answer): Promise<Answer> {
    if (answer.status < 300 && this.ended === "account_disabled") this.ended = undefined;
    if (answer.status !== 401 && answer.status !== 403) return answer;
    const problem = problemOf(answer);
    if (answer.status === 401 && problem.code !== "network") await this.end(problem.code);
    if (problem.code === "account_disabled") this.ended = "account_disabled";
    return answer;
  }

  private async end(code: string): Promise<void> {
    this.ended = code === "device_revoked" ? "device_revoked" : "signed_out";
    this.tokens = undefined;
    await this.device.endSession(false);
    if (code === "device_revoked" && this.person) await this.revoke(this.person);
  }

  private async revoke(known: Person): Promise<void> {
    const person = { ...known, isRevoked: true };
    await this.device.keepPerson(person);
    if (this.person?.accountId === person.accountId) this.person = person;
  }

  /** Asks anew whose villages they are; where that fails, the token's next renewal tells. */
  async askVillages(account: string): Promise<void> {
    if (this.tokens?.accountId === account) await this.renew(this.tokens.access).catch(() => undefined);
  }

  /** Renews the session, unless somebody else has done so since `used` was taken. One at a time. */
  private async renew(used: string): Promise<void> {
    if (this.tokens?.access !== used) return;
    this.renewing ??= this.refresh().finally(() => (this.renewing = undefined));
    await this.renewing;
  }

  private async refresh(): Promise<void> {
    if (!this.tokens || !this.person) return;
    const used = this.tokens.refresh;
    const answer = await this.api.ask("/auth/refresh", { json: JSON.stringify({ refresh_token: used }) });
    // Meanwhile the person may have left, or signed in anew.
    if (this.tokens?.refresh !== used) return;
    if (answer.status === 200) return this.take(new TextDecoder().decode(answer.body), this.person.deviceName);
    const problem = problemOf(answer);
    if (answer.status === 401 && problem.code !== "network") await this.end(problem.code);
    if (problem.code === "account_disabled") this.ended = "account_disabled";
    throw problem;
  }
}
