// @vitest-environment jsdom
// The form of a monthly report: what nobody typed follows the record and the ledger, however long ago it was begun.

import { mount, type VueWrapper } from "@vue/test-utils";
import { beforeEach, expect, test, vi } from "vitest";

import FormShell from "../../src/components/FormShell.vue";
import MonthForm from "../../src/components/MonthForm.vue";
import { host } from "../../src/composables/host.js";
import { saveAll } from "../../src/composables/saving.js";
import type { Draft, MonthlyReport, Row } from "../../src/host/contract.js";

vi.mock("vant", () => ({ showToast: vi.fn() }));
vi.mock("vant/es/toast/style", () => ({}));
vi.mock("../../src/composables/host.js", () => ({
  host: { draft: vi.fn(), keepDraft: vi.fn() },
  useStatus: () => ({ value: { session: { accountId: "a", name: "李安全" } } }),
}));
vi.mock("../../src/composables/saving.js", () => ({ saveAll: vi.fn() }));
vi.mock("../../src/components/FormShell.vue", async () => {
  const { defineComponent } = await import("vue");
  return { default: defineComponent({ inheritAttrs: false, emits: ["save", "discard"], setup: (_, { slots }) => () => slots["default"]?.() }) };
});
vi.mock("../../src/components/RefusedNote.vue", () => ({ default: { render: () => null } }));

const [village, month] = ["v", "2026-05"];
const id = `month/${village}/${month}`;
/** The draft as the phone's disk has it. */
let kept: Omit<Draft, "changedAtMs"> | undefined;

beforeEach(() => {
  kept = undefined;
  vi.mocked(host.draft).mockImplementation(async () => structuredClone(kept) as Draft | undefined);
  vi.mocked(host.keepDraft).mockImplementation(async (draft) => void (kept = structuredClone(draft)));
  vi.mocked(saveAll).mockReset();
});

const report = (ledger: Record<string, number>, values?: Row["values"], isNew = values === undefined): MonthlyReport => ({
  record: "r",
  isNew,
  state: "draft",
  ledger,
  ...(values ? { row: { id: "r", kind: "monthly_report", village, values, writtenAtMs: 1, conflicts: [], isVoided: false, photos: [] } } : {}),
});

async function opened(of: MonthlyReport): Promise<VueWrapper> {
  const page = mount(MonthForm, { props: { village, month, name: "东河村", report: of } });
  await vi.waitFor(() => expect(page.find("[data-testid=narrative]").exists()).toBe(true));
  return page;
}

const field = (page: VueWrapper, name: string) => page.get<HTMLInputElement>(`[data-testid=figure-${name}]`);
const shown = (page: VueWrapper, ...names: string[]) => names.map((name) => field(page, name).element.value);

/** What is written when it is submitted. */
async function submitted(page: VueWrapper) {
  page.getComponent(FormShell).vm.$emit("save");
  await vi.waitFor(() => expect(saveAll).toHaveBeenCalled());
  const { submitted_at: _, ...changes } = vi.mocked(saveAll).mock.lastCall?.[0].edits[0]?.changes ?? {};
  page.unmount();
  return changes;
}

async function left(page: VueWrapper): Promise<void> {
  await vi.waitFor(() => expect(kept).toBeDefined());
  page.unmount();
  await new Promise((rested) => setImmediate(rested));
}

test("a figure that nobody typed is the ledger's of today, and one that was typed stays", async () => {
  const before = await opened(report({ inspections: 1, hazards_open: 0 }));
  await field(before, "inspections").setValue("5");
  await left(before);
  const after = await opened(report({ inspections: 2, hazards_open: 3 }));
  expect(shown(after, "inspections", "hazards_open", "trainings")).toEqual(["5", "3", "0"]);
  expect(await submitted(after)).toMatchObject({ "figures/inspections": 5, "figures/hazards_open": 3, "figures/trainings": 0 });
});

test("what a colleague has corrected since is shown and not written again", async () => {
  const whole = { month, "figures/inspections": 1, "figures/hazards_open": 0, "figures/trainings": 0, "figures/leaflets": 0, "figures/accidents": 0, reported_by: "李安全" };
  await left(await opened(report({ inspections: 1, hazards_open: 0 }, whole)));
  const after = await opened(report({ inspections: 1, hazards_open: 0 }, { ...whole, "figures/hazards_open": 2 }));
  expect(shown(after, "inspections", "hazards_open")).toEqual(["1", "2"]);
  await field(after, "trainings").setValue("4");
  expect(await submitted(after)).toEqual({ "figures/trainings": 4 });
});

test("all figures of a draft of an older build count as typed", async () => {
  const figures = { inspections: "1", hazards_open: "0", trainings: "2", leaflets: "0", accidents: "0" };
  kept = { id, form: "month", title: "", content: { figures, narrative: "", reported_by: "李安全" }, photos: [] };
  const page = await opened(report({ inspections: 7, hazards_open: 3 }));
  expect(shown(page, "inspections", "hazards_open", "trainings", "leaflets")).toEqual(["1", "0", "2", "0"]);
  expect(await submitted(page)).toMatchObject({ "figures/inspections": 1, "figures/hazards_open": 0, "figures/trainings": 2 });
});

test("a report that was put aside as a whole is written again as a whole", async () => {
  const refused = { month, "figures/inspections": 4, "figures/trainings": 1, reported_by: "李安全" };
  const page = await opened(report({ inspections: 2 }, refused, true));
  expect(shown(page, "inspections", "trainings")).toEqual(["4", "1"]);
  expect(await submitted(page)).toMatchObject({ month, "figures/inspections": 4, "figures/trainings": 1, reported_by: "李安全" });
});
