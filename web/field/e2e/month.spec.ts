// The village's month: a report filled in from the ledger, corrected, submitted, returned by the office and submitted again.

import { drafted, expect, report, sent, signedIn, SMALL, test, type Township } from "./phone.js";

const MONTH = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 7);

interface Report {
  readonly id: string;
  readonly village: string;
  readonly values: Record<string, unknown>;
  readonly report_state: string;
}

/** What the office has of the one monthly report. */
async function submitted(township: Township, token: string): Promise<Report | undefined> {
  const answer = await fetch(`${township.url}/api/v1/records?kind=monthly_report`, { headers: { authorization: `Bearer ${token}` } });
  return ((await answer.json()) as { rows: Report[] }).rows[0];
}

/** The office looks at the report as it stands, and says this of it. */
async function reviewed(township: Township, token: string, changes: Record<string, string | null>): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const { id, village } = (await submitted(township, token))!;
  const record = (await (await fetch(`${township.url}/api/v1/records/${id}`, { headers })).json()) as { seen: unknown };
  const edit = { record: id, kind: "monthly_report", village, seen: record.seen, changes };
  const answer = await fetch(`${township.url}/api/v1/records`, { method: "POST", headers, body: JSON.stringify({ edits: [edit] }) });
  expect(answer.status, await answer.text()).toBe(200);
}

test("the month is filled in from the ledger, corrected, submitted, returned with a reason, and submitted again", SMALL, async ({ township, context }) => {
  const page = await signedIn(context, township);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("gas");
  await page.getByTestId("description").fill("气瓶与火源同室");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toBeVisible();
  await page.goto(`${township.url}/field/`);
  await expect(page.getByTestId("month-card")).toContainText("上月月报还没上报");

  const village = (await page.getByTestId("month-card").getAttribute("href"))?.split("/").at(-2) ?? "";
  await context.setOffline(true);
  await page.goto(`${township.url}/field/month/${village}/${MONTH}`);
  await expect(page.getByTestId("figure-hazards_found")).toHaveValue("1");
  await expect(page.getByTestId("figure-hazards_open")).toHaveValue("1");
  await expect(page.getByTestId("figure-inspections")).toHaveValue("0");
  await page.getByTestId("figure-inspections").fill("三");
  await page.getByTestId("save").click();
  await expect(page.getByRole("alert")).toContainText("请填整数");
  await page.getByTestId("figure-inspections").fill("3");
  await expect(page.getByText("台账里是 0，与填写的不同")).toBeVisible();
  await page.getByTestId("narrative").fill("开展节前检查");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("month")).toContainText("已上报，待审核");
  await expect(page.getByTestId("month")).toContainText("开展节前检查");

  await context.setOffline(false);
  await expect(page.getByTestId("status-strip")).toContainText("全部已上报");
  const office = await township.signIn("supervisor", "office");
  expect(await submitted(township, office)).toMatchObject({ report_state: "submitted", values: { "figures/inspections": 3, narrative: "开展节前检查" } });

  await reviewed(township, office, { review: "returned", review_remark: "检查次数与台账不符" });
  await page.reload();
  await expect(page.getByTestId("returned")).toContainText("检查次数与台账不符");
  await page.getByTestId("figure-inspections").fill("0");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("month")).toContainText("已上报，待审核");
  await expect.poll(async () => (await submitted(township, office))?.report_state).toBe("submitted");
  await reviewed(township, office, { review: "accepted", review_remark: null });
  await page.reload();
  await expect(page.getByTestId("month")).toContainText("已通过");
});

test("a form that was begun is filled in from the ledger of today, but for what was typed", async ({ township, context }) => {
  const page = await signedIn(context, township);
  const village = (await page.getByTestId("month-card").getAttribute("href"))?.split("/").at(-2) ?? "";
  const form = `${township.url}/field/month/${village}/${MONTH}`;
  await page.goto(form);
  await expect(page.getByTestId("figure-hazards_open")).toHaveValue("0");
  await page.getByTestId("figure-trainings").fill("4");
  await page.getByTestId("narrative").fill("开展节前检查");
  await drafted(page, "开展节前检查", 0);
  await page.goto(`${township.url}/field/`);
  await report(page, "气瓶与火源同室", "gas");
  await page.goto(form);
  await expect(page.getByTestId("figure-hazards_open")).toHaveValue("1");
  await expect(page.getByTestId("figure-trainings")).toHaveValue("4");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("month")).toContainText("已上报，待审核");
  await sent(page);
  const office = await township.signIn("supervisor", "office");
  expect(await submitted(township, office)).toMatchObject({ values: { "figures/hazards_open": 1, "figures/trainings": 4 } });
});
