// A record that the office has returned: a task on the phone, answered without a network by changing the record, or by words.

import { randomUUID } from "node:crypto";

import { drafted, expect, report, sent, signedIn, test, type Township } from "./phone.js";

interface Comment {
  readonly record: string;
  readonly values: Record<string, unknown>;
}

async function asked<T>(township: Township, token: string, path: string, body?: unknown): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${township.url}/api/v1${path}`, body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) });
  expect(answer.status, path).toBe(200);
  return (await answer.json()) as T;
}

/** The office returns a hazard. */
async function returned(township: Township, office: string, hazard: { id: string; village: string }, reason: string): Promise<void> {
  const changes = { subject_kind: "hazard", subject: hazard.id, by: "镇安监办", at: Date.now(), reason };
  await asked(township, office, "/records", { edits: [{ record: randomUUID(), kind: "comment", village: hazard.village, changes }] });
}

test("a returned hazard is a task, and is answered by changing it and by words, without a network", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("gas");
  await page.getByTestId("description").fill("气瓶与火源同室");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("status-strip")).toContainText("全部已上报");
  const office = await township.signIn("supervisor", "office");
  const { rows } = await asked<{ rows: { id: string; village: string }[] }>(township, office, "/hazards");
  await returned(township, office, rows[0]!, "写明是哪一家");
  await returned(township, office, rows[0]!, "补拍照片");

  await page.goto(`${township.url}/field/`);
  await expect(page.getByTestId("returned-task")).toHaveCount(2);
  await context.setOffline(true);
  await page.getByTestId("returned-task").filter({ hasText: "写明是哪一家" }).click();
  await page.getByTestId("comment").filter({ hasText: "写明是哪一家" }).getByTestId("amend").click();
  await page.getByTestId("description").fill("东街面馆气瓶与火源同室");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toContainText("东街面馆");
  await expect(page.getByTestId("comment").filter({ hasText: "写明是哪一家" })).toContainText("已答复，等镇里认可");
  const other = page.getByTestId("comment").filter({ hasText: "补拍照片" });
  await other.getByTestId("answer").fill("店已关门，开门后补拍");
  await other.getByTestId("send-answer").click();
  await expect(other).toContainText("已答复，等镇里认可");
  await page.goto(`${township.url}/field/`);
  await expect(page.getByTestId("returned-task")).toHaveCount(0);

  await context.setOffline(false);
  await expect
    .poll(async () => (await asked<{ rows: Comment[] }>(township, office, "/comments?state=answered")).rows.length)
    .toBe(2);
  const answered = await asked<{ rows: Comment[] }>(township, office, "/comments?state=answered");
  expect(answered.rows.map(({ values }) => values["answer"]).sort()).toEqual(["店已关门，开门后补拍", undefined]);
  const hazard = await asked<{ fields: Record<string, { value: unknown }> }>(township, office, `/records/${rows[0]!.id}`);
  expect(hazard.fields["description"]?.value).toBe("东街面馆气瓶与火源同室");
});

test("what the office wrote after the form of a returned hazard was opened is not overwritten by it", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await report(page, "气瓶与火源同室", "gas");
  await sent(page);
  const office = await township.signIn("supervisor", "office");
  const { rows } = await asked<{ rows: { id: string; village: string }[] }>(township, office, "/hazards");
  const [{ id, village }] = rows as [{ id: string; village: string }];
  const decided = async (changes: Record<string, unknown>) => {
    const { seen } = await asked<{ seen: unknown }>(township, office, `/records/${id}`);
    await asked(township, office, "/records", { edits: [{ record: id, kind: "hazard", village, seen, changes }] });
  };
  await decided({ deadline: "2026-06-30" });
  await returned(township, office, rows[0]!, "写明是哪一家");

  await page.goto(`${township.url}/field/`);
  await page.getByTestId("returned-task").click();
  await expect(page.getByTestId("hazard")).toContainText("2026-06-30");
  await page.getByTestId("amend").click();
  await page.getByTestId("description").fill("东街面馆气瓶与火源同室");
  await drafted(page, "东街面馆", 0);
  const form = page.url();
  await decided({ deadline: "2026-05-01" });
  // Left and opened again, with what the office wrote on the phone.
  await page.goto(`${township.url}/field/hazards/${id}`);
  await expect(page.getByTestId("hazard")).toContainText("2026-05-01");
  await page.goto(form);
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toContainText("东街面馆");
  await sent(page);
  const { fields } = await asked<{ fields: Record<string, { value: unknown }> }>(township, office, `/records/${id}`);
  expect([fields["description"]?.value, fields["deadline"]?.value]).toEqual(["东街面馆气瓶与火源同室", "2026-05-01"]);
});
