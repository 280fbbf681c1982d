// A form that somebody has begun: kept on the phone at every keystroke, gone on with after anything.

import { reactive, ref, toRaw, watch } from "vue";

import type { Draft, HeldPhoto } from "../host/contract.js";
import type { JsonValue } from "../../../wasm/pkg/types.js";
import { host } from "./host.js";

/** The content of one form. `isLoaded` is false until it was read, and `isGone` true where there is none. */
export function useDraft<Content extends object>(id: string, empty: Content) {
  const content = reactive(structuredClone(empty)) as Content;
  const photos = ref<HeldPhoto[]>([]);
  const [title, isLoaded, isGone, isUnkept] = [ref(""), ref(false), ref(false), ref(false)];
  let form = "";
  let isFinished = false;
  let isKeeping = false;
  let isBehind = false;

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
    watch([content, photos, title], () => void keep(), { deep: true });
  }

  /** Keeps what is there at every keystroke; while that is being written, the newest of what was typed meanwhile comes next. */
  async function keep(): Promise<void> {
    isBehind = true;
    if (isKeeping) return;
    isKeeping = true;
    while (isBehind && !isFinished) {
      isBehind = false;
      // What could not be kept is said: the page must not promise what is not true.
      await host.keepDraft(now()).then(
        () => (isUnkept.value = false),
        () => (isUnkept.value = true),
      );
    }
    isKeeping = false;
  }

  function now(): Omit<Draft, "changedAtMs"> {
    return {
      id,
      form,
      title: title.value,
      content: JSON.parse(JSON.stringify(toRaw(content))) as JsonValue,
      photos: JSON.parse(JSON.stringify(photos.value)) as HeldPhoto[],
    };
  }

  /** It was not saved after all: the draft goes on. */
  function resume(): void {
    isFinished = false;
    void keep();
  }

  /** The form is being saved or was thrown away: nothing is written to it any more. */
  function finish(): void {
    isFinished = true;
  }

  return { content, photos, title, isLoaded, isGone, isUnkept, load, finish, resume };
}
