// A page as the type checker sees it: it must compile against the generated declarations. Lines under `@ts-expect-error`
// must not. Never run.
import init, { Client, fingerprint, join, mark, readRecord, standing, toFollow, townshipDate } from "../pkg/sync_core.js";
import type { Caller, Edit, FieldNames, KindName, Refusal, StoredEffect } from "../pkg/sync_core.js";
import kinds from "../pkg/kinds.json";

interface Base {
  state: string;
  mark: string;
  part: string | undefined;
}

const base = new Map<string, Base>();
const log: string[] = [];
const outside: string[] = [];

function keep(client: Client, record: string, next: Base | undefined): void {
  client.noteBase(record, base.get(record)?.mark, next?.mark);
  if (next) base.set(record, next);
  else base.delete(record);
}

function store(client: Client, effects: StoredEffect[]): void {
  for (const effect of effects) {
    if ("log" in effect) log.push(effect.log);
    switch (effect.effect) {
      case "merge": {
        const old = base.get(effect.record);
        const state = old ? join(old.state, effect.delta) : effect.delta;
        keep(client, effect.record, { state, mark: mark(state), part: effect.part });
        break;
      }
      case "replace":
        keep(client, effect.record, { state: effect.state, mark: mark(effect.state), part: effect.part });
        break;
      case "drop":
        keep(client, effect.record, undefined);
        break;
      case "forget":
        for (const [record, { part }] of base) if (part === effect.part) keep(client, record, undefined);
        break;
      case "settle":
        if (effect.outcome.verdict === "quarantined") outside.push(effect.outcome.refusal?.code ?? "unknown");
        break;
      case "keep":
        outside.push(`${effect.dot[0]} ${effect.dot[1].toFixed()}`);
        break;
      default:
        outside.push(effect.effect);
    }
  }
}

function save(client: Client, edit: Edit, caller: Caller, now_ms: number): Refusal[] {
  const old = base.get(edit.record)?.state;
  const found = client.check(edit, caller, old, now_ms);
  if (found.length > 0) return found;
  const written = client.write(edit, caller, old, now_ms);
  if ("refusal" in written) return [written.refusal];
  store(client, [written.effect]);
  return [];
}

export async function roundTrip(send: (body: string) => Promise<string>, now_ms: number): Promise<void> {
  await init();
  const client = new Client("00000000-0000-0000-0000-000000000001");
  for (const entry of log) client.restore(entry);
  const body = client.poll(now_ms);
  if (body === undefined) return;
  store(client, client.handleAnswer(await send(body)));
  store(client, client.handleFailure({ busy: { retry_after_s: 3 } }, now_ms));
  for (const record of base.keys()) {
    const state = client.view(record, base.get(record)?.state);
    const level = state === undefined ? undefined : readRecord(state).fields["level"];
    if (state !== undefined && level?.in_conflict) {
      const { status, is_overdue, deadline } = standing(state, [], townshipDate(now_ms));
      outside.push(status, String(is_overdue), deadline ?? "", fingerprint(state), ...toFollow(record, []));
    }
  }
}

const kind: KindName = "hazard";
const field: FieldNames["hazard"] = "level";
export const words = kinds.kinds.filter((declared) => declared.name === kind).flatMap((declared) =>
  declared.fields.map((each) => (each.name === field && typeof each.type === "object" && "choice" in each.type ? each.type.choice : each.name)),
);

// @ts-expect-error: there is no such field
export const noField: FieldNames["hazard"] = "colour";
// @ts-expect-error: a state is text
readRecord({});
// @ts-expect-error: an edit names its kind
save(undefined as unknown as Client, { record: "x", changes: {} }, { account: "x", role: "inspector", villages: [] }, 0);
// @ts-expect-error: there is no such role
export const nobody: Caller = { account: "x", role: "mayor", villages: [] };
