// A form that somebody has begun: kept on the phone at every keystroke, gone on with after anything.

import { onBeforeUnmount, reactive, ref, toRaw, watch } from "vue";

import type { Draft, HeldPhoto } from "../host/contract.js";
import type { JsonValue } from "../../../wasm/pkg/types.js";
import { uuidV7 } from "../host/uuid.js";
import { host } from "./host.js";

export type Form = "inspection" | "hazard" | "rectification" | "reinspection" | "month";

/** How long the fingers must rest before a draft is written, ms. */
const REST_MS = 250;

/** Begins a form, and gives the id under which its page finds it. */
export async function startDraft(form: Form, title: string, content: Record<string, JsonValue>): Promise<string> {
  const id = uuidV7(Date.now());
  await host.keepDraft({ id, form, title, content, photos: [] });
  return id;
}

/** The content of one form. `isLoaded` is false until it was read, and `isGone` true where there is none. */
export function useDraft<Content extends object>(id: string, empty: Content) {
  const content = reactive(structuredClone(empty)) as Content;
  const photos = ref<HeldPhoto[]>([]);
  const [title, isLoaded, isGone, isUnkept] = [ref(""), ref(false), ref(false), ref(false)];
  let form = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isFinished = false;

  async function load(): Promise<void> {
    const kept = await host.draft(id);
    if (!kept) {
      isGone.value = true;
      return;
    }
    Object.assign(content, kept.content);
    photos.value = [...kept.photos];
    title.value = kept.title;
    form = kept.form;
    isLoaded.value = true;
    watch([content, photos, title], schedule, { deep: true });
  }

  function schedule(): void {
    clearTimeout(timer);
    timer = setTimeout(() => void keep(), REST_MS);
  }

  async function keep(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (isFinished || !isLoaded.value) return;
    const plain = JSON.parse(JSON.stringify(toRaw(content))) as JsonValue;
    const draft: Omit<Draft, "changedAtMs"> = {
      id,
      form,
      title: title.value,
      content: plain,
      photos: JSON.parse(JSON.stringify(photos.value)) as HeldPhoto[],
    };
    // What could not be kept is said: the page must not promise what is not true.
    await host.keepDraft(draft).then(
      () => (isUnkept.value = false),
      () => (isUnkept.value = true),
    );
  }

  /** It was not saved after all: the draft goes on. */
  function resume(): void {
    isFinished = false;
    schedule();
  }

  /** The form is being saved or was thrown away: nothing is written to it any more. */
  function finish(): void {
    isFinished = true;
    clearTimeout(timer);
  }

  const leave = () => {
    if (timer !== undefined) void keep();
  };
  const hide = () => document.visibilityState === "hidden" && leave();
  document.addEventListener("visibilitychange", hide);
  window.addEventListener("pagehide", leave);
  onBeforeUnmount(() => {
    document.removeEventListener("visibilitychange", hide);
    window.removeEventListener("pagehide", leave);
    leave();
  });

  return { content, photos, title, isLoaded, isGone, isUnkept, load, finish, resume };
}
