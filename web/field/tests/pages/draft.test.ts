// @vitest-environment jsdom
// A form, its draft, and photos that are still being reduced when somebody saves or leaves.

import { mount } from "@vue/test-utils";
import { showToast } from "vant";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { defineComponent, h } from "vue";

import { host } from "../../src/composables/host.js";
import { type Album } from "../../src/composables/photosComing.js";
import { useDraft } from "../../src/composables/useDraft.js";
import type { Draft, HeldPhoto, NewPhoto } from "../../src/host/contract.js";

const phone = vi.hoisted(() => ({ account: "a" }));
vi.mock("vant", () => ({ showToast: vi.fn() }));
vi.mock("vant/es/toast/style", () => ({}));
vi.mock("../../src/composables/host.js", () => ({
  codeOf: (error: { code?: string }) => error.code ?? "unknown",
  host: { draft: vi.fn(), keepDraft: vi.fn(), holdPhoto: vi.fn() },
  useStatus: () => ({ get value() { return { session: { accountId: phone.account } }; } }),
}));

/** The photos that are being reduced, in the order in which they were begun; a test ends each. */
let reducing: { photo: NewPhoto; held(): void; failed(code: string): void }[];
/** The draft as the phone's disk has it. */
let kept: Omit<Draft, "changedAtMs"> | undefined;
/** Of each save, the photos of the form and its words. */
let saved: string[][];

beforeEach(() => {
  [reducing, saved] = [[], []];
  phone.account = "a";
  kept = { id: "d", form: "inspection", title: "", content: { words: "", photos: [], hazards: [{ photos: [] }] }, photos: [] };
  vi.mocked(host.draft).mockImplementation(async () => structuredClone(kept) as Draft);
  vi.mocked(host.keepDraft).mockImplementation(async (draft) => void (kept = structuredClone(draft)));
  vi.mocked(host.holdPhoto).mockImplementation(
    (photo) =>
      new Promise((held, failed) => {
        const { role, takenAtMs } = photo;
        reducing.push({ photo, held: () => held({ hash: `${takenAtMs}`, bytes: 1, isUnreadable: false, role, takenAtMs }), failed: (code) => failed({ code }) });
      }),
  );
});
afterEach(() => {
  vi.clearAllMocks();
  vi.useRealTimers();
});

interface Content {
  words: string;
  photos: HeldPhoto[];
  hazards: Album[];
}

async function opened(id: string) {
  let form!: ReturnType<typeof useDraft<Content>>;
  const photosOf = (content: Content) => [...content.photos, ...content.hazards.flatMap((hazard) => hazard.photos)];
  const page = mount(
    defineComponent({
      setup() {
        form = useDraft<Content>(id, { words: "", photos: [], hazards: [] }, photosOf);
        return () => h("p");
      },
    }),
  );
  await form.load();
  const hazard = form.content.hazards[0] as Album;
  /** Takes a photo for the form or for its hazard; its hash is its number. */
  const take = (number: number, into: Album = form.content) => form.photos.hold({ file: new Blob(["x"]), role: "evidence", takenAtMs: number }, into);
  /** What a page does when "save" is pressed. */
  const save = async () => {
    if (!(await form.ready())) return false;
    saved.push(photosOf(form.content).map((photo) => `${photo.hash} ${form.content.words}`));
    form.finish();
    return true;
  };
  return { form, page, hazard, take, save };
}

/** Until everything that was begun has gone as far as it can. */
const rest = () => new Promise((rested) => setImmediate(rested));
async function next(): Promise<void> {
  await vi.waitFor(() => expect(reducing.length).toBeGreaterThan(0));
  reducing.shift()?.held();
  await rest();
}

test("a save waits for every photo of the form and of its hazards, and saves the form as it is then, once", async () => {
  const { form, hazard, take, save } = await opened("waits");
  void take(1);
  void take(2);
  void take(3, hazard);
  const [first, again] = [save(), save()];
  expect(form.isBusy.value).toBe(true);
  await next();
  await next();
  expect(saved).toEqual([]);
  form.content.words = "at the end";
  await next();
  expect([await first, await again]).toEqual([true, false]);
  expect(saved).toEqual([["1 at the end", "2 at the end", "3 at the end"]]);
});

test("photos are reduced one after the other", async () => {
  const { take } = await opened("turns");
  void take(1);
  void take(2);
  await rest();
  expect(reducing).toHaveLength(1);
  await next();
  await next();
});

test("a photo that cannot be kept is said, and holds back the save that waited for it but not the next", async () => {
  const { form, take, save } = await opened("fails");
  void take(1);
  void take(2);
  const first = save();
  await rest();
  reducing.shift()?.failed("photo_too_large");
  await next();
  expect(await first).toBe(false);
  expect(vi.mocked(showToast).mock.lastCall?.[0]).toMatchObject({ message: "照片超过 32 MB，存不了" });
  expect([saved, form.isBusy.value]).toEqual([[], false]);
  await save();
  expect(saved).toEqual([["2 "]]);
});

test("a photo that is never ready does not block the form", async () => {
  const { form, take, save } = await opened("stuck");
  vi.useFakeTimers();
  void take(1);
  const first = save();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(await first).toBe(false);
  expect(form.photos.coming.value).toEqual([]);
  expect(vi.mocked(showToast).mock.lastCall?.[0]).toMatchObject({ message: "这张照片没能存下，请再试" });
  vi.useRealTimers();
  void take(2);
  await vi.waitFor(() => expect(reducing).toHaveLength(2));
  reducing.pop()?.held();
  await save();
  expect(saved).toEqual([["2 "]]);
});

test("leaving while photos are reduced still adds them to the draft, of the form and of its hazards", async () => {
  const { page, hazard, take } = await opened("left");
  void take(1);
  void take(2, hazard);
  page.unmount();
  await next();
  await next();
  expect(kept?.photos.map((photo) => photo.hash)).toEqual(["1", "2"]);
  expect(kept?.content).toMatchObject({ photos: [{ hash: "1" }], hazards: [{ photos: [{ hash: "2" }] }] });
});

test("whoever comes back while photos are reduced goes on with the same form", async () => {
  const before = await opened("back");
  void before.take(1);
  before.page.unmount();
  await rest();
  const after = await opened("back");
  expect(after.form.photos.coming.value).toHaveLength(1);
  after.form.content.words = "written after coming back";
  await next();
  expect(kept?.photos.map((photo) => photo.hash)).toEqual(["1"]);
  expect(kept?.content).toMatchObject({ words: "written after coming back", photos: [{ hash: "1" }] });
  // Left with nothing under way, it is read anew.
  after.page.unmount();
  await rest();
  expect((await opened("back")).form).not.toBe(after.form);
});

test("a form that was begun with photos names them in its draft", async () => {
  const photo = { hash: "1", bytes: 1, isUnreadable: false, role: "after", takenAtMs: 1 };
  kept = { id: "d", form: "rectification", title: "", content: { photos: [photo] }, photos: [] };
  await opened("begun");
  await rest();
  expect(kept?.photos.map((one) => one.hash)).toEqual(["1"]);
});

test("a save that waits ends with the form: left, it stays a draft; thrown away, nothing comes of its photos", async () => {
  const left = await opened("given up");
  void left.take(1);
  const first = left.save();
  left.page.unmount();
  await next();
  expect([await first, saved, kept?.photos.length]).toEqual([false, [], 1]);
  const thrown = await opened("thrown away");
  void thrown.take(2);
  void thrown.take(3);
  const second = thrown.save();
  await rest();
  thrown.form.finish();
  await next();
  expect([await second, saved, kept?.photos.length]).toEqual([false, [], 1]);
  expect(reducing).toEqual([]);
});

test("a photo of somebody who has signed out since goes into no draft of whoever is here now", async () => {
  const { page, take } = await opened("another");
  void take(1);
  page.unmount();
  await rest();
  phone.account = "b";
  await next();
  expect(kept?.photos).toEqual([]);
});
