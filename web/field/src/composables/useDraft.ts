// A form that somebody has begun: kept on the phone at every keystroke, gone on with after anything.

import { onUnmounted, provide, reactive, ref, toRaw, watch } from "vue";

import type { Draft, HeldPhoto } from "../host/contract.js";
import type { JsonValue } from "../../../wasm/pkg/types.js";
import { host, useStatus } from "./host.js";
import { type Album, PHOTOS_COMING, photosComing } from "./photosComing.js";

type PhotosOf<Content> = (content: Content) => readonly HeldPhoto[];
type OpenForm<Content extends object> = ReturnType<typeof openForm<Content>>;

/** The forms that are shown, and those that were left while photos were still coming: whoever comes back goes on with the same. */
const open = new Map<string, unknown>();

/** The form of a draft for the page that calls this. `photosOf`: all photos that its content names, so that they stay while the draft does. */
export function useDraft<Content extends object>(id: string, empty: Content, photosOf: PhotosOf<Content> = ownPhotos): OpenForm<Content> {
  const left = open.get(id) as OpenForm<Content> | undefined;
  const form = left?.isOpen() ? left : openForm(id, empty, photosOf);
  open.set(id, form);
  provide(PHOTOS_COMING, form.photos);
  form.enter();
  onUnmounted(async () => {
    await form.leave();
    if (!form.isShown() && open.get(id) === form) open.delete(id);
  });
  return form;
}

function ownPhotos(content: object): readonly HeldPhoto[] {
  return (content as Partial<Album>).photos ?? [];
}

/** `isLoaded` is false until the content was read, and `isGone` true where there is none. */
function openForm<Content extends object>(id: string, empty: Content, photosOf: PhotosOf<Content>) {
  const status = useStatus();
  const account = status.value.session?.accountId;
  const content = reactive(structuredClone(empty)) as Content;
  const [title, isLoaded, isGone, isUnkept, isBusy] = [ref(""), ref(false), ref(false), ref(false), ref(false)];
  const photos = photosComing(() => isFinished || (status.value.session?.accountId ?? account) !== account);
  let form = "";
  let loading: Promise<void> | undefined;
  let page: symbol | undefined;
  let isFinished = false;
  let isKeeping = false;
  let isBehind = false;

  function load(): Promise<void> {
    return (loading ??= read());
  }

  async function read(): Promise<void> {
    const kept = await host.draft(id);
    if (!kept) {
      isGone.value = true;
      return;
    }
    Object.assign(content, kept.content);
    title.value = kept.title;
    form = kept.form;
    isLoaded.value = true;
    // Begun after a wait, this is not the page's own: it goes on when that was left, for photos that still come.
    watch([content, title], () => void keep(), { deep: true });
    // A form may be begun with photos: from now on its draft names them.
    if (photosOf(content).length > kept.photos.length) void keep();
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
      photos: JSON.parse(JSON.stringify(photosOf(content))) as HeldPhoto[],
    };
  }

  /**
   * A press of "save" begins: `isBusy` from now on. Once no photo is on its way any more, whether the form is to be saved as it is
   * then: not where a photo did not come, nor where it was left or thrown away meanwhile.
   */
  async function ready(): Promise<boolean> {
    if (isBusy.value) return false;
    isBusy.value = true;
    const pressed = page;
    const isWhole = await photos.settled();
    if (page !== pressed || isFinished) return false;
    isBusy.value = isWhole;
    return isWhole;
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

  function enter(): void {
    page = Symbol();
  }

  /** A save that still waits does not go on behind somebody's back. Resolves when the last photo has come. */
  function leave(): Promise<boolean> {
    page = undefined;
    isBusy.value = false;
    return photos.settled();
  }

  return { content, title, isLoaded, isGone, isUnkept, isBusy, photos, load, ready, finish, resume, enter, leave, isOpen: () => !isFinished, isShown: () => page !== undefined };
}
