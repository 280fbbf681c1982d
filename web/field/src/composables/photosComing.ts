// Photos on their way into a form: reduced one after the other, also after its page was left, and waited for by a save.

import { showToast } from "vant";
import "vant/es/toast/style";
import { inject, type InjectionKey, shallowRef } from "vue";

import type { HeldPhoto, NewPhoto } from "../host/contract.js";
import { useI18n } from "../i18n.js";
import { codeOf, host } from "./host.js";

/** What photos are added to: a form, or one of the hazards in it. */
export interface Album {
  photos: HeldPhoto[];
}

/** A photo whose picture may still have to be made. */
export type Taken = Omit<NewPhoto, "file"> & { readonly file: Blob | Promise<Blob> };

interface Coming {
  readonly into: Album;
  readonly role: NewPhoto["role"];
  readonly held: Promise<HeldPhoto | undefined>;
}

/** What has not been reduced after so long may never be, and is waited for no longer, ms. */
const PATIENCE_MS = 60_000;

export type PhotosComing = ReturnType<typeof photosComing>;
export const PHOTOS_COMING: InjectionKey<PhotosComing> = Symbol();

/** Those of the form that this is a part of. */
export function usePhotosComing(): PhotosComing {
  const found = inject(PHOTOS_COMING);
  if (!found) throw new Error("Photos are taken within a form");
  return found;
}

/** `isOver`: the form takes no more. */
export function photosComing(isOver: () => boolean) {
  const { t, te } = useI18n();
  const coming = shallowRef<readonly Coming[]>([]);
  let last: Promise<unknown> = Promise.resolve();
  let lost = 0;

  /** Adds a photo to a part of the form, in place of those that it replaces; nothing where it could not be kept, which is said. */
  function hold(taken: Taken, into: Album, replaces: (photo: HeldPhoto) => boolean = () => false): Promise<HeldPhoto | undefined> {
    const held = last
      .then(() => take(taken, into, replaces))
      .finally(() => (coming.value = coming.value.filter((one) => one.held !== held)));
    coming.value = [...coming.value, { into, role: taken.role, held }];
    last = held;
    return held;
  }

  async function take(taken: Taken, into: Album, replaces: (photo: HeldPhoto) => boolean): Promise<HeldPhoto | undefined> {
    if (isOver()) return undefined;
    try {
      const held = await host.holdPhoto({ ...taken, file: await taken.file });
      if (isOver()) return undefined;
      const kept = into.photos.filter((one) => one.hash === held.hash || !replaces(one));
      into.photos = kept.some((one) => one.hash === held.hash) ? kept : [...kept, held];
      if (held.isUnreadable) showToast({ message: t("forms.photo.unreadable"), duration: 5000 });
      return held;
    } catch (error) {
      if (!isOver()) lose(1, codeOf(error));
      return undefined;
    }
  }

  function lose(photos: number, code: string): void {
    lost += photos;
    const key = `forms.photo.refused.${code}`;
    showToast({ message: te(key) ? t(key) : t("forms.photo.refused.unknown"), type: "fail", duration: 5000 });
  }

  /** Resolves once no photo is on its way any more, even if one never ends: whether all have come. */
  async function settled(): Promise<boolean> {
    const before = lost;
    for (let [first] = coming.value; first; [first] = coming.value) {
      await Promise.race([first.held, new Promise((late) => setTimeout(late, PATIENCE_MS))]);
      if (coming.value.includes(first)) giveUp();
    }
    return lost === before;
  }

  function giveUp(): void {
    lose(coming.value.length, "unknown");
    coming.value = [];
    last = Promise.resolve();
  }

  return { coming, hold, settled };
}
